"""The error of an archive."""

from atdb_interface.reasons import CodedError


class ArchiveError(CodedError):
    """The archive cannot be used, or what is in it is not what it should be."""
