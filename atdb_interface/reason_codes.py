"""The codes of the reasons that ATDB records. Code compares these codes, so that the wording can change.

They are stored in the history of observations: never rename a code, and never use one for another purpose.
"""

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why an observation changed its status."""

    TOO_LATE = "TooLate"
    """ATDB was ready to send the parset only after the start of the observation."""
    TELESCOPE_REFUSED = "TelescopeRefused"
    TELESCOPE_UNREACHABLE = "TelescopeUnreachable"
    """The telescope did not respond, so its state is unknown."""
    TELESCOPE_ANSWER_UNREADABLE = "TelescopeAnswerUnreadable"
    TELESCOPE_FAILED = "TelescopeFailed"
    """The telescope has failed or stopped the observation."""
    START_INTERRUPTED = "StartInterrupted"
    """The run was interrupted as it started the observation, and the telescope does not have it."""
    DATA_WRITER_SILENT = "DataWriterSilent"
    DATA_WRITER_FAILED = "DataWriterFailed"
    LEASE_EXPIRED = "LeaseExpired"
    """Too many leases on the same work have expired."""

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
    """The data have changed since they were validated."""

    ARCHIVE_NOT_MOUNTED = "ArchiveNotMounted"
    ARCHIVE_UNREACHABLE = "ArchiveUnreachable"
    OUTSIDE_ARCHIVE = "OutsideArchive"
    ARCHIVE_COPY_MISSING = "ArchiveCopyMissing"
    ARCHIVE_COPY_WRONG = "ArchiveCopyWrong"
    """The copy in the archive is not what was observed."""
    ARCHIVE_WROTE_OTHER_BYTES = "ArchiveWroteOtherBytes"
    """The archive returned other bytes than were written just before."""

    RUN_CLEARED = "RunCleared"
    """The run does its work again, because a user has cleared it in Airflow."""
    SENDS_PARSET = "SendsParset"
    """Only the attempt with the number in the argument sends the parset."""
