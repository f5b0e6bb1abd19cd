"""The codes of the reasons that ATDB's own programs record: what code compares, so that the wording can change.

They are stored in the history of observations: never rename a code, and never use one for something else.
"""

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why an observation changed its status."""

    TOO_LATE = "TooLate"
    """Work on the start began after the start itself."""
    TELESCOPE_REFUSED = "TelescopeRefused"
    TELESCOPE_UNREACHABLE = "TelescopeUnreachable"
    """The telescope did not answer, so what it does is not known."""
    TELESCOPE_ANSWER_UNREADABLE = "TelescopeAnswerUnreadable"
    TELESCOPE_FAILED = "TelescopeFailed"
    """The telescope has failed or stopped the observation."""
    START_INTERRUPTED = "StartInterrupted"
    """The run was interrupted as it started the observation, and the telescope does not have it."""
    DATA_WRITER_SILENT = "DataWriterSilent"
    DATA_WRITER_FAILED = "DataWriterFailed"
    LEASE_EXPIRED = "LeaseExpired"
    """Too many owners have lost the work, one after the other."""

    NO_DATA_PRODUCTS = "NoDataProducts"
    INVALID_DATA_PRODUCTS = "InvalidDataProducts"
    STILL_WRITTEN = "StillWritten"
    AUTOMATIC_INGEST_OFF = "AutomaticIngestOff"

    DATA_ROOT_MISSING = "DataRootMissing"
    DATA_HOST_NOT_MOUNTED = "DataHostNotMounted"
    DATA_HOST_EMPTY = "DataHostEmpty"
    DATA_FOLDER_MISSING = "DataFolderMissing"
    DATA_HOST_UNREADABLE = "DataHostUnreadable"
    LINK_IN_PATH = "LinkInPath"
    NOT_A_PRODUCT = "NotAProduct"
    """It is neither a file nor a directory."""
    NO_CHECKSUM = "NoChecksum"
    DATA_GROWN = "DataGrown"
    DATA_SHARED = "DataShared"
    """The file is a data product of another observation too."""
    DATA_CHANGED = "DataChanged"
    """It is no longer what was validated."""

    ARCHIVE_NOT_MOUNTED = "ArchiveNotMounted"
    ARCHIVE_UNREACHABLE = "ArchiveUnreachable"
    OUTSIDE_ARCHIVE = "OutsideArchive"
    ARCHIVE_COPY_MISSING = "ArchiveCopyMissing"
    ARCHIVE_COPY_WRONG = "ArchiveCopyWrong"
    """The copy in the archive is not what was observed."""
    ARCHIVE_WROTE_OTHER_BYTES = "ArchiveWroteOtherBytes"
    """The archive gave back other bytes than were written just before."""

    RUN_CLEARED = "RunCleared"
    """The run does its work again, because a user has cleared it in Airflow."""
    SENDS_PARSET = "SendsParset"
    """Only the attempt that has recorded this, with its number, sends the parset."""
