"""Domains, mailboxes and their addresses."""
