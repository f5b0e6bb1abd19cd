"""The error of backups and restores."""


class BackupError(Exception):
    """A backup or restore has failed; the message says what happened, why, and what to do next."""
