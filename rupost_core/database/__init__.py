"""PostgreSQL: the engine, the structure and how it came to be. Three databases (manual 2.5)."""
