"""The loop on each node: what must go on although nobody is at the keyboard (rupost-agent.service, root)."""
