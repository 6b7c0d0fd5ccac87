"""Real nodes on one machine: systemd-nspawn over an overlay of one Debian image, and a directory."""
