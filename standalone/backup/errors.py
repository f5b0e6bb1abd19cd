"""The error of a backup or a restore."""


class BackupError(Exception):
    """A backup or a restore has failed; the message states what happened, why, and what to do next."""
