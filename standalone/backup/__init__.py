"""Backups of both databases, the secrets and the settings, each verified by a restore."""
