"""Readers of the daemons' configuration languages: text to values with line numbers. Pure; they serve whoever has
to know what a rendered file means (the lint, the plan, the proof that quoting holds)."""
