"""The last line of a failed attempt's log says what failed, why, what to do next, and where to look in ATDB."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.actions import RETRIES, Action, target_of
from atdb_interface.client import Client
from atdb_interface.errors import Unavailable
from atdb_interface.lifecycle import STAGES, Status
from atdb_interface.observations import Observation
from atdb_interface.reasons import code_of
from operators import failures
from operators.failures import NotDueYet
from operators.operate import ActOnObservationsOperator
from operators.stages.ingest import IngestProductsOperator
from operators.stages.observe import CompleteObservationOperator, StartObservationOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.specify import SpecifyObservationOperator
from operators.stages.validate import ValidateProductsOperator
from standalone.settings import HOST
from tests.conftest import SECRETS, free_ports
from tests.operators.contexts import Context
from tests.operators.observations import Make

Observe = Callable[..., Observation]
ATDB = "http://atdb.example.org"


@pytest.fixture(autouse=True)
def _browsers_reach_atdb(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("ATDB_URL", ATDB)
    caplog.set_level(logging.INFO)


def last(caplog: pytest.LogCaptureFixture) -> tuple[str, str]:
    """Return the last record; no other record may be an error."""
    *before, record = caplog.records
    assert all(each.levelno < logging.ERROR for each in before)
    assert "\n" not in record.getMessage()
    assert record.exc_info is None
    return record.levelname, record.getMessage()


def break_archive(archive_root: Path) -> None:
    archive_root.rmdir()
    archive_root.write_bytes(b"")


def test_the_last_attempt_of_a_stage_names_the_cause_the_status_the_way_out_and_the_page(
    client: Client, validated: Make, context: Context, archive_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = validated()
    break_archive(archive_root)
    with pytest.raises(Exception) as raised:  # noqa: PT011 any error of an archive that is not a folder
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    level, line = last(caplog)
    assert level == "ERROR"
    assert line == (
        f"ingest of {made.taskID} failed: {code_of(raised.value)}: {str(raised.value).removesuffix('.')}. "
        "The observation is now 'ingest error'. Fix the cause, then retry it in ATDB (back to 'valid') or clear "
        f"this run: {ATDB}/tasks/{made.taskID}/"
    )
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR


def test_an_attempt_that_is_repeated_says_when_and_is_no_error(
    validated: Make, context: Context, archive_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = validated()
    break_archive(archive_root)
    operator = IngestProductsOperator(task_id="ingest", retries=3, retry_delay=timedelta(seconds=7))
    with pytest.raises(Exception):  # noqa: B017, PT011
        operator.execute(context(made.taskID, "ingest", try_number=2, retries=3))
    level, line = last(caplog)
    assert level == "WARNING"
    assert "Airflow starts attempt 3 of 4 within 7 s; no action needed yet" in line
    assert line.endswith(f": {ATDB}/tasks/{made.taskID}/")


def test_what_is_not_to_be_repeated_is_an_error_at_the_first_attempt(
    observe: Observe, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    start = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    made = observe(Status.SCHEDULED, starttime=start)
    with pytest.raises(AirflowFailException):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", retries=5))
    level, line = last(caplog)
    assert level == "ERROR"
    assert line.startswith(f"observe of {made.taskID} (task start) failed: TooLate: ATDB was ready to send")
    assert "Set new times, then retry. The observation is now 'error (too late)'" in line


@pytest.mark.parametrize(
    "operator",
    [
        SpecifyObservationOperator,
        StartObservationOperator,
        ValidateProductsOperator,
        IngestProductsOperator,
        RemoveProductsOperator,
    ],
)
def test_a_run_without_an_observation_says_how_to_name_it(
    operator: Callable[..., SpecifyObservationOperator], context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AirflowFailException):
        operator(task_id="it").execute(context("", "it"))
    level, line = last(caplog)
    assert level == "ERROR"
    assert line.endswith(f"Trigger the DAG with a taskID as its partition key: {ATDB}/tasks/")


def test_an_observation_that_atdb_does_not_have_is_named(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AirflowFailException):
        IngestProductsOperator(task_id="ingest").execute(context("190405999", "ingest"))
    level, line = last(caplog)
    assert level == "ERROR"
    assert "ATDB has no observation 190405999. Check the run's partition key" in line


def test_if_atdb_does_not_answer_the_status_is_unknown(
    context: Context, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atdb_plugins.hooks.atdb.PATIENCE_SECONDS", 0)
    monkeypatch.setattr("atdb_interface.client.sync_connection.PATIENCE_SECONDS", 0)
    login = {"conn_type": "atdb", "host": f"http://{HOST}:{free_ports(1)[0]}", "login": "pipeline"}
    made = context("190405001", "specify")
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps({**login, "password": SECRETS["pipeline"]}))
    with pytest.raises(Unavailable):
        SpecifyObservationOperator(task_id="specify").execute(made)
    level, line = last(caplog)
    assert level == "ERROR"
    assert "The status of the observation is unknown" in line
    assert "Check that ATDB is running, then clear this run" in line


def test_a_skip_is_no_failure(observe: Observe, context: Context, caplog: pytest.LogCaptureFixture) -> None:
    made = observe(Status.ABORTED)
    with pytest.raises(AirflowSkipException):
        SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
    assert all(record.levelno < logging.WARNING for record in caplog.records)


def test_an_attempt_that_waits_is_no_failure(
    client: Client, observe: Observe, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    start = datetime.now(UTC).isoformat()
    made = observe(Status.RUNNING, starttime=start, duration=3600)
    with pytest.raises(NotDueYet):
        CompleteObservationOperator(task_id="complete", retries=5).execute(
            context(made.taskID, "observe", retries=5)
        )
    level, line = last(caplog)
    assert level == "INFO"
    assert "is not due yet" in line


def test_what_a_person_asked_for_names_all_observations(
    observe: Observe, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    held, done = observe(Status.VALID), observe(Status.REMOVED)
    task_context = context(held.taskID, "operate")
    task_context["dag_run"].triggering_user_name = "ada"
    task_context["params"] = {
        "taskIDs": f"{held.taskID} {done.taskID}",
        "action": "hold",
        "reason": "storm",
        "priority": 0,
    }
    with pytest.raises(AirflowFailException):
        ActOnObservationsOperator(task_id="operate").execute(task_context)
    level, line = last(caplog)
    assert level == "ERROR"
    assert line.startswith(f"operate failed: 1 of 2 refused: {done.taskID}: ")
    assert line.endswith(f"{ATDB}/tasks/?taskID__in={held.taskID}%2C{done.taskID}")


@pytest.mark.parametrize("status", Status)
def test_every_status_has_an_advice_that_the_lifecycle_allows(status: Status) -> None:
    advice = failures._advice(status)
    assert ("retry it in ATDB" in advice) == (status in RETRIES)
    if status in RETRIES:
        assert f"'{target_of(Action.RETRY, status)}'" in advice
    for stage in STAGES:
        if status is stage.source:
            assert f"{stage.actor} starts again" in advice
