"""Checks that prove, by doing, that the system does its work."""
