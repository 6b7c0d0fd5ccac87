"""Certificates for mail and for the panel, and Diffie-Hellman parameters."""
