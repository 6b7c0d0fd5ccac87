"""The web panel on port 5000. It parses, calls the core, shows. It owns no rule, and never runs as root."""
