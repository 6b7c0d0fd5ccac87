"""What touches the machine: programs, files, service units, the clock."""
