"""Directories that people come from: Active Directory, FreeIPA and ALD Pro (manual 2.4, appendix 1)."""
