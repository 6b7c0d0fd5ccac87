"""The command line: it parses, calls the core, shows. It owns no rule."""
