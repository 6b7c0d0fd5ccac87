"""The nodes of the cluster. For now: which there are, and when each was last seen."""
