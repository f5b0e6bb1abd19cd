"""Texts of earlier versions that are still stored, in histories, events, notes and heartbeats.

No program writes them any more. Code that reads stored text understands them as well, by these patterns only.
Histories never change, so the patterns of reasons must stay.
"""

import re
from collections.abc import Mapping

from atdb_interface.reason_codes import ReasonCode

_C = ReasonCode
_LOST = r"its owner \S.*? is lost(?: \(.*?\))?"

#: Reasons without a code. The group `quotation` has the words of another program.
_REASONS: tuple[tuple[str, ReasonCode], ...] = (
    (r"-?\d+ s past the start", _C.TOO_LATE),
    (rf"(?:{_LOST}; )?the telescope(?: refused| did not stop it| did not tell its state): (?P<quotation>.*)",
     _C.TELESCOPE_REFUSED),
    (rf"(?:{_LOST}; )?the telescope's answer is unknown: (?P<quotation>.*)", _C.TELESCOPE_UNREACHABLE),
    (rf"(?:{_LOST}; )?the telescope's answer is not understood: (?P<quotation>.*)",
     _C.TELESCOPE_ANSWER_UNREADABLE),
    (rf"(?:{_LOST}; )?the telescope has it as (?P<quotation>(?:failed|stopped).*)", _C.TELESCOPE_FAILED),
    (r"the run was interrupted as it started, and the telescope does not know it", _C.START_INTERRUPTED),
    (rf"{_LOST}; the telescope does not know it", _C.START_INTERRUPTED),
    (r"past the end, and no word from the data writer(?:; the telescope has it as .*)?", _C.DATA_WRITER_SILENT),
    (r"the data writer failed: (?P<quotation>.*)", _C.DATA_WRITER_FAILED),
    (rf"{_LOST}, the last of \d+", _C.LEASE_EXPIRED),
    (r"it has no data products", _C.NO_DATA_PRODUCTS),
    (r"ValueError: there is no valid data product to ingest", _C.NO_DATA_PRODUCTS),
    (r"\d+ of \d+ data products are invalid: .*", _C.INVALID_DATA_PRODUCTS),
    (r"StillWrittenError: .* is still being written", _C.STILL_WRITTEN),
    (r"skip_auto_ingest is set", _C.AUTOMATIC_INGEST_OFF),
    (r"DataError: the data root ATDB_DATA_ROOT=.* is not there", _C.DATA_ROOT_MISSING),
    (r"DataError: the data host .* is not mounted in .*", _C.DATA_HOST_NOT_MOUNTED),
    (r"DataError: the folder of the data host .* is empty, as if its disk is not mounted", _C.DATA_HOST_EMPTY),
    (r"DataError: a link on the way to .*", _C.LINK_IN_PATH),
    (r"ValueError: .* is neither a file nor a directory", _C.NOT_A_PRODUCT),
    (r"(?:DataError|ValueError): .* has no checksum", _C.NO_CHECKSUM),
    (r"DataError: .* has grown to \d+ bytes since it was validated", _C.DATA_GROWN),
    (r"DataError: .* is a product of .* too, where it is .*", _C.DATA_SHARED),
    (r"DataError: .* is not there", _C.DATA_FOLDER_MISSING),
    (r"ArchiveError: .* is no longer what was validated", _C.DATA_CHANGED),
    (r"ArchiveError: the archive .* is not there", _C.ARCHIVE_NOT_MOUNTED),
    (r"ArchiveError: the archive cannot be reached: (?P<quotation>.*)", _C.ARCHIVE_UNREACHABLE),
    (r"ArchiveError: .* is not a folder within the archive", _C.OUTSIDE_ARCHIVE),
    (r"ArchiveError: .* is not in the archive", _C.ARCHIVE_COPY_MISSING),
    (r"ArchiveError: .* in the archive is not what was observed", _C.ARCHIVE_COPY_WRONG),
    (r"ArchiveError: the archive gave back other bytes of .* than were written", _C.ARCHIVE_WROTE_OTHER_BYTES),
    (r"run again in Airflow(?: by .*| \(user unknown.*\))?", _C.RUN_CLEARED),
    (r"try (?P<argument>\d+) sends the parset", _C.SENDS_PARSET),
    (r"missing", _C.DATA_MISSING),
    (r"empty", _C.DATA_EMPTY),
    (r"is still being written", _C.STILL_WRITTEN),
    (r"a symbolic link instead of data", _C.WRONG_KIND),
    (r"a file instead of a directory|a directory instead of a file", _C.WRONG_KIND),
    (r"\S+ is neither a file nor a directory", _C.NOT_A_PRODUCT),
    (r"its observation became [a-z ()]+", _C.INGEST_ENDED),
    (r"to be ingested again", _C.INGEST_AGAIN),
    (r"the data writer has written \d+ data products", _C.DATA_WRITTEN),
    (r"The observation has ended, but the data writer has not reported, so ATDB continues without its report\.",
     _C.CONTINUED_WITHOUT_REPORT),
    (r"The lease of \S.* has expired\. The telescope has it as [a-z]+(?:: .*)?\.", _C.TELESCOPE_HAS_IT),
)  # fmt: skip
REASONS = tuple((re.compile(pattern, re.DOTALL), code) for pattern, code in _REASONS)

#: The text before the reason of the first product that failed, or of data that could not be checked.
AROUND_A_REASON = re.compile(
    r"(?:(?:Ingest|Remove)Error: \d+ of \d+ data products (?:failed|stay), first .+?"
    r"|could not be looked at): (?=\w+: )",
    re.DOTALL,
)

#: In the heartbeats of the DAG reconcile, the text before the taskID up to which it had compared.
COMPARED_UP_TO = "has compared the data up to "

#: The beginnings of the paragraphs that the DAG listen wrote into notes on runs.
NOTE_ON_OUTCOME = re.compile(
    r"Failed with [a-z ()]+ at \d{4}-|Stopped by \S+, with |(?:Fixed|Then) at \d{4}-"
    r"|Failed: the run ended before it recorded a result\. See the log of its task\.$"
)


#: What reconcile said of a data root, a data host or a link that kept it from comparing data.
TROUBLES: Mapping[str, str] = {
    _C.DATA_ROOT_MISSING: "the data root ATDB_DATA_ROOT={path} is not there",
    _C.DATA_HOST_NOT_MOUNTED: "the data host {path.name} is not mounted in {path.parent}",
    _C.DATA_HOST_EMPTY: "the folder of the data host {path.name} is empty, as if its disk is not mounted",
    _C.DATA_HOST_UNREADABLE: "the disk of {path.name} cannot be read: {problem}",
    _C.LINK_IN_PATH: "a link on the way to {path}",
}


def missing_on_disk(status: str) -> str:
    """Return what reconcile said of a data product that its data host does not have."""
    return f"is {status}, but not on its data host"


def still_on_disk() -> str:
    """Return what reconcile said of a removed data product that its data host still has."""
    return "is removed, but still on its data host"


def other_size_on_disk(status: str, size: int | None, size_on_disk: int) -> str:
    """Return what reconcile said of another size on the data host, in bytes."""
    return f"is {status} with {size} bytes, but its data host has {size_on_disk}"


def not_a_product_on_disk(status: str, name: str) -> str:
    """Return what reconcile said of a link or another thing in the place of a data product."""
    return f"is {status}, but on its data host {name} is neither a file nor a directory"


def missing_in_archive(status: str, *, is_only_copy: bool) -> str:
    """Return what reconcile said of a data product that the archive does not have."""
    return _loud(f"is {status}, but not in the archive", is_only_copy=is_only_copy)


def other_size_in_archive(status: str, size: int | None, size_in_archive: int, *, is_only_copy: bool) -> str:
    """Return what reconcile said of another size in the archive, in bytes."""
    return _loud(
        f"is {status} with {size} bytes, but the archive has {size_in_archive}", is_only_copy=is_only_copy
    )


def _loud(text: str, *, is_only_copy: bool) -> str:
    return f"{text}: IT WAS THE ONLY COPY" if is_only_copy else text
