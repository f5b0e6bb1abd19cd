"""Errors put into the words that ATDB keeps."""

from atdb_interface.fields import LONGEST_TEXT


def reason_of(error: BaseException) -> str:
    """Name an error and say what it says, as ATDB takes a reason."""
    return f"{type(error).__name__}: {error}".replace("\0", "\\0")[:LONGEST_TEXT]
