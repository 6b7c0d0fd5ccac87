"""Configuration: templates, parameters, rendering, generations, and moving a node from one to another."""
