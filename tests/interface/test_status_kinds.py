"""What each status means for the work of the stages."""

from atdb_interface.actions import RETRIES
from atdb_interface.lifecycle import INGEST, OBSERVE, REMOVE, SPECIFY, VALIDATE, Status
from atdb_interface.status_kinds import BEGINS, FAILED, STAGE_OF, STOPS, stage_of


def test_each_stage_begins_with_one_move() -> None:
    assert dict(BEGINS) == {
        ("defined", "scheduled"): SPECIFY,
        ("scheduled", "starting"): OBSERVE,
        ("completing", "checking"): VALIDATE,
        ("valid", "ingesting"): INGEST,
        ("archived", "removing"): REMOVE,
    }


def test_an_operator_stops_work_with_a_hold_or_a_cancel() -> None:
    assert {*STOPS} == {"on hold", "aborted"}


def test_a_failed_observation_can_be_retried() -> None:
    errors = {status for status in Status if "error" in status}
    assert {*FAILED} >= errors | {"incomplete"}
    assert not {*FAILED} & {"completed", "on hold", "aborted"}
    assert {*RETRIES} == {*FAILED}


def test_a_stage_takes_its_source_and_works_in_one_status() -> None:
    assert STAGE_OF[Status.VALID] is STAGE_OF[Status.INGESTING] is INGEST
    assert Status.RUNNING not in STAGE_OF
    assert Status.INGEST_ERROR not in STAGE_OF


def test_a_failure_and_the_time_at_the_telescope_belong_to_their_stage() -> None:
    assert stage_of(Status.RUNNING) is stage_of(Status.ERROR_NO_COMPLETING) is OBSERVE
    assert stage_of(Status.INCOMPLETE) is VALIDATE
    assert stage_of(Status.COMPLETED) is stage_of(Status.ON_HOLD) is stage_of(Status.REMOVED) is None
