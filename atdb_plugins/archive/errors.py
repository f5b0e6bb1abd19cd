"""The error of an archive."""

from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError


class ArchiveError(CodedError):
    """The archive cannot be used, or what is in it is not what it should be."""


class DamagedManifestError(ArchiveError):
    """The manifest of an observation is not what ATDB writes."""


class OtherObservationError(ArchiveError):
    """The folder of an observation in the archive has the data of another one that had the same taskID."""


def not_mounted(place: str) -> ArchiveError:
    """Return the error for a local archive whose folder does not exist."""
    return ArchiveError(
        ReasonCode.ARCHIVE_NOT_MOUNTED, f"The folder of the archive {place} does not exist. Mount its disk."
    )
