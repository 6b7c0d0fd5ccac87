"""The core of RuPost: every rule, decision and effect. It knows no face (docs/architecture.md)."""
