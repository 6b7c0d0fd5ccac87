"""`rupost-wizard`: a node's first set-up and what follows an upgrade (manual 2.11)."""
