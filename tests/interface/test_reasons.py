"""What code reads in a reason does not depend on its wording, and reasons of earlier versions are understood."""

import pickle

import pytest

from atdb_interface import former_texts, reasons
from atdb_interface.errors import Unavailable
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, Reason

C = ReasonCode
NO_SPACE = "[Errno 28] No space left on device: '/alta/x'"
LOST = "its owner observe/190405034-observe-1 is lost"


@pytest.mark.parametrize("code", [*ReasonCode, "Unavailable", "ForbiddenMove"])
def test_a_reason_means_the_same_however_it_is_worded(code: str) -> None:
    one = reasons.write(code, "The archive is not there. Mount it, then retry.")
    other = reasons.write(code, "The disk of the archive is not mounted: 3 attempts")
    assert reasons.read(one) == reasons.read(other) == Reason(code)


def test_what_another_program_has_said_counts_and_what_stands_around_it_does_not() -> None:
    one = reasons.write(C.TELESCOPE_FAILED, f"It reports {reasons.quote('failed: no beam')}. Ask there.")
    other = reasons.write(C.TELESCOPE_FAILED, f"{reasons.quote('failed: no beam')}, says the telescope")
    assert reasons.read(one) == reasons.read(other) == Reason(C.TELESCOPE_FAILED, quotation="failed: no beam")
    assert reasons.read(one[: one.index("beam") + 2]) == Reason(C.TELESCOPE_FAILED, quotation="failed: no be")
    assert reasons.quote("a “b”\n c") == '“a "b" c”'


def test_an_error_of_a_library_has_the_name_of_its_class_and_its_own_words() -> None:
    error = OSError(28, "No space left on device", "/alta/x")
    around = reasons.write(reasons.code_of(error), f"2 of 3 failed. The first is X: {reasons.words_of(error)}.")
    assert reasons.reason_of(error) == f"OSError: “{NO_SPACE}”"
    assert reasons.read(around) == reasons.read(reasons.reason_of(error)) == Reason("OSError", quotation=NO_SPACE)
    from_earlier_versions = f"OSError: {NO_SPACE}"
    assert reasons.read(from_earlier_versions) == Reason("OSError", quotation=NO_SPACE)


def test_an_error_with_a_code_says_its_text_alone() -> None:
    error = CodedError(C.NO_CHECKSUM, "X has no checksum.")
    assert (str(error), reasons.words_of(error)) == ("X has no checksum.", "X has no checksum.")
    assert reasons.reason_of(error) == "NoChecksum: X has no checksum."
    assert reasons.reason_of(pickle.loads(pickle.dumps(error))) == "NoChecksum: X has no checksum."  # noqa: S301
    assert reasons.words_of(Unavailable("the database does not respond")) == "the database does not respond"


def test_the_argument_of_a_code_is_read() -> None:
    written = reasons.write(C.SENDS_PARSET, "Attempt 2 sends the parset.", argument=2)
    assert reasons.read(written) == Reason(C.SENDS_PARSET, argument="2")
    assert reasons.has_code(written, C.SENDS_PARSET)
    assert not reasons.has_code(written, C.RUN_CLEARED)


def test_people_read_a_reason_without_its_code() -> None:
    for reason in ("NoChecksum: X has\nno checksum.", "SendsParset(2): Attempt 2: go.", "Unavailable: Retry."):
        assert reasons.without_code(reason) == reason.partition(": ")[2]
    for reason in ("", "storm", "ticket: 4711", "KeyError: 'x'"):
        assert reasons.without_code(reason) == reason


def test_a_reason_of_a_person_has_no_code() -> None:
    for reason in ("", "storm", "the disk is full: 3", "3 of 4 are invalid"):
        assert reasons.read(reason) is None
    assert reasons.read("ticket: 4711") == Reason("ticket", quotation="4711")


FORMER_SENDER = "try 12 sends the parset"
FORMER = [
    ("90 s past the start", C.TOO_LATE, ""),
    ("the telescope refused: 190405034 is known already (HTTP 409)", C.TELESCOPE_REFUSED,
     "190405034 is known already (HTTP 409)"),
    ("the telescope did not tell its state: busy (HTTP 503)", C.TELESCOPE_REFUSED, "busy (HTTP 503)"),
    ("the telescope's answer is unknown: timed out", C.TELESCOPE_UNREACHABLE, "timed out"),
    (f"{LOST}; the telescope's answer is unknown: timed out", C.TELESCOPE_UNREACHABLE, "timed out"),
    ("the telescope's answer is not understood: x", C.TELESCOPE_ANSWER_UNREADABLE, "x"),
    ("the telescope has it as failed: no beam", C.TELESCOPE_FAILED, "failed: no beam"),
    ("the telescope has it as stopped", C.TELESCOPE_FAILED, "stopped"),
    (f"{LOST} (its run in Airflow has ended: failed); the telescope has it as failed: no beam",
     C.TELESCOPE_FAILED, "failed: no beam"),
    ("the run was interrupted as it started, and the telescope does not know it", C.START_INTERRUPTED, ""),
    (f"{LOST} (Airflow does not know its run); the telescope does not know it", C.START_INTERRUPTED, ""),
    ("past the end, and no word from the data writer", C.DATA_WRITER_SILENT, ""),
    ("past the end, and no word from the data writer; the telescope has it as observing", C.DATA_WRITER_SILENT,
     ""),
    ("the data writer failed: the disk is full", C.DATA_WRITER_FAILED, "the disk is full"),
    ("its owner ingest/run 3 is lost, the last of 4", C.LEASE_EXPIRED, ""),
    ("its owner ingest/run 3 is lost (Airflow does not know its run), the last of 4", C.LEASE_EXPIRED, ""),
    ("it has no data products", C.NO_DATA_PRODUCTS, ""),
    ("ValueError: there is no valid data product to ingest", C.NO_DATA_PRODUCTS, ""),
    ("3 of 4 data products are invalid: A.MS, B.MS, C.MS", C.INVALID_DATA_PRODUCTS, ""),
    ("StillWrittenError: A.MS is still being written", C.STILL_WRITTEN, ""),
    ("skip_auto_ingest is set", C.AUTOMATIC_INGEST_OFF, ""),
    ("could not be looked at: DataError: the data root ATDB_DATA_ROOT=/data is not there", C.DATA_ROOT_MISSING,
     ""),
    ("could not be looked at: OSError: [Errno 36] File name too long: 'x'", "OSError",
     "[Errno 36] File name too long: 'x'"),
    ("DataError: the data host wcudata1 is not mounted in /data", C.DATA_HOST_NOT_MOUNTED, ""),
    ("DataError: the folder of the data host wcudata1 is empty, as if its disk is not mounted", C.DATA_HOST_EMPTY,
     ""),
    ("DataError: a link on the way to /data/wcudata1/x", C.LINK_IN_PATH, ""),
    ("ValueError: A.MS is neither a file nor a directory", C.NOT_A_PRODUCT, ""),
    ("RemoveError: 1 of 3 data products stay, first A.MS: DataError: A.MS has no checksum", C.NO_CHECKSUM, ""),
    ("ValueError: A.MS has no checksum", C.NO_CHECKSUM, ""),
    ("RemoveError: 1 of 3 data products stay, first A.MS: DataError: A.MS has grown to 12 bytes since it was "
     "validated", C.DATA_GROWN, ""),
    ("DataError: A.MS is a product of 190405035 too, where it is defined", C.DATA_SHARED, ""),
    ("DataError: /data/wcudata1/x is not there", C.DATA_FOLDER_MISSING, ""),
    ("IngestError: 1 of 3 data products failed, first A: b.MS: ArchiveError: A: b.MS is no longer what was "
     "validated", C.DATA_CHANGED, ""),
    ("ArchiveError: the archive file:///alta is not there", C.ARCHIVE_NOT_MOUNTED, ""),
    ("ArchiveError: the archive cannot be reached: timed out", C.ARCHIVE_UNREACHABLE, "timed out"),
    ("ArchiveError: a/../b is not a folder within the archive", C.OUTSIDE_ARCHIVE, ""),
    ("ArchiveError: A.MS is not in the archive", C.ARCHIVE_COPY_MISSING, ""),
    ("ArchiveError: A.MS in the archive is not what was observed", C.ARCHIVE_COPY_WRONG, ""),
    ("ArchiveError: the archive gave back other bytes of A.MS than were written", C.ARCHIVE_WROTE_OTHER_BYTES, ""),
    (f"IngestError: 2 of 3 data products failed, first A.MS: OSError: {NO_SPACE}", "OSError", NO_SPACE),
    ("IngestError: 2 of 3 data products failed, first A.MS: Unavailable: no answer", "Unavailable", ""),
    ("run again in Airflow by ada", C.RUN_CLEARED, ""),
    ("run again in Airflow (user unknown)", C.RUN_CLEARED, ""),
    ("run again in Airflow (user unknown: Airflow's API did not answer)", C.RUN_CLEARED, ""),
    ("missing", C.DATA_MISSING, ""),
    ("empty", C.DATA_EMPTY, ""),
    ("is still being written", C.STILL_WRITTEN, ""),
    ("a symbolic link instead of data", C.WRONG_KIND, ""),
    ("a file instead of a directory", C.WRONG_KIND, ""),
    ("a directory instead of a file", C.WRONG_KIND, ""),
    ("A.MS/pipe is neither a file nor a directory", C.NOT_A_PRODUCT, ""),
    ("its observation became on hold", C.INGEST_ENDED, ""),
    ("to be ingested again", C.INGEST_AGAIN, ""),
    ("the data writer has written 40 data products", C.DATA_WRITTEN, ""),
    ("The observation has ended, but the data writer has not reported, so ATDB continues without its report.",
     C.CONTINUED_WITHOUT_REPORT, ""),
    ("The lease of observe/run 1 has expired. The telescope has it as observing.", C.TELESCOPE_HAS_IT, ""),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "code", "quotation"), FORMER)
def test_the_reasons_of_earlier_versions_are_understood(reason: str, code: str, quotation: str) -> None:
    assert reasons.read(reason) == Reason(code, quotation=quotation)


def test_the_sender_of_a_parset_that_an_earlier_version_has_recorded_is_read() -> None:
    assert reasons.read(FORMER_SENDER) == Reason(C.SENDS_PARSET, argument="12")


def test_each_code_of_a_former_reason_is_tried() -> None:
    tried = {code for _, code, _ in FORMER} | {C.SENDS_PARSET}
    assert {code for _, code in former_texts.REASONS} <= tried
