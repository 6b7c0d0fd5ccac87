"""Who may do what, and the journal of what was done."""
