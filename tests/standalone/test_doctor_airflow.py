"""The results of `atdb doctor` in a real Airflow: processes, DAGs and pools."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from atdb_plugins.hooks.airflow import AirflowHook
from standalone.doctor import airflow
from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, CheckState
from standalone.stack import database, pools
from tests.airflow_serving import Airflow

Sql = Callable[[str], None]


@pytest.fixture
def place(airflow_server: Airflow, monkeypatch: pytest.MonkeyPatch) -> Location:
    login(airflow_server.url, airflow_server.password, monkeypatch)
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "40")  # as in standalone/airflow.cfg
    return Location(airflow_server.postgres.settings, airflow_server.postgres.credentials)


def login(url: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "http", "host": url, "login": "reconcile", "password": password}
    monkeypatch.setenv(f"AIRFLOW_CONN_{AirflowHook.default_conn_name.upper()}", json.dumps(connection))


@pytest.fixture
def sql(place: Location) -> Iterator[Sql]:
    with closing(database.connect(place.settings, place.credentials, database="airflow")) as opened:

        def execute(statement: str) -> None:
            with opened.cursor() as cursor:
                cursor.execute(statement)

        yield execute
        execute("delete from job where hostname = 'test-of-doctor'")
        execute("delete from import_error where filename = 'broken.py'")


def beat(sql: Sql, *jobs: str, age: str = "0 s") -> None:
    """Record heartbeats of processes, as Airflow's processes do."""
    for job in jobs:
        sql(
            "insert into job (job_type, state, start_date, latest_heartbeat, hostname) "
            f"values ('{job}', 'running', now(), now() - interval '{age}', 'test-of-doctor')"
        )


def bad(place: Location, subject: str) -> list[CheckResult]:
    return [each for each in airflow.check(place) if each.subject == subject and each.state is not CheckState.WELL]


def test_an_airflow_with_all_its_processes_is_well(place: Location, sql: Sql) -> None:
    beat(sql, "SchedulerJob", "DagProcessorJob", "TriggererJob")
    results = list(airflow.check(place))
    assert [each.subject for each in results] == [
        *("Airflow", "scheduler", "dag-processor", "triggerer", "DAGs", "pools"),
    ]
    assert {each.state for each in results} == {CheckState.WELL}, results
    assert "39 slots" in results[-1].seen


def test_a_process_that_has_never_reported_or_is_silent_is_a_failure(place: Location, sql: Sql) -> None:
    (result,) = bad(place, "triggerer")
    assert result.state is CheckState.FAILED
    assert "never reported" in result.seen
    beat(sql, "TriggererJob", age="1 hour")
    (result,) = bad(place, "triggerer")
    assert re.fullmatch(r"it has not reported since [\d-]{10}T[\d:]{8}Z", result.seen)
    assert "triggerer.log" in result.advice


def test_an_api_that_refuses_or_does_not_respond_is_the_only_result(
    place: Location, airflow_server: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    login(airflow_server.url, "another password", monkeypatch)
    (result,) = airflow.check(place)
    assert result.state is CheckState.FAILED
    assert "refused the login of reconcile" in result.seen
    login("http://127.0.0.1:9", airflow_server.password, monkeypatch)
    (result,) = airflow.check(place)
    assert "Connection refused" in result.seen
    assert "airflow-api-server.log" in result.advice


def test_a_paused_dag_is_a_warning_that_names_who_paused_it(place: Location, airflow_server: Airflow) -> None:
    airflow_server.pause("ingest", paused=True)
    try:
        (result,) = bad(place, "DAGs")
    finally:
        airflow_server.pause("ingest", paused=False)
    assert result.state is CheckState.WARNING
    assert re.fullmatch(r"ingest has been paused in Airflow by admin since [\d-]{10}T[\d:]{8}Z", result.seen)
    assert bad(place, "DAGs") == []


def test_a_dag_file_that_cannot_be_imported_is_a_failure(place: Location, sql: Sql) -> None:
    sql(
        "insert into import_error (timestamp, filename, bundle_name, stacktrace) values "
        "(now(), 'broken.py', 'dags-folder', E'Traceback\\n  File\\nModuleNotFoundError: No module named x')"
    )
    (result,) = bad(place, "DAGs")
    assert result.state is CheckState.FAILED
    assert "broken.py cannot be imported: ModuleNotFoundError: No module named x" in result.seen


def test_a_dag_that_airflow_does_not_know_is_a_failure(place: Location, sql: Sql) -> None:
    sql("update dag set is_stale = true where dag_id = 'observe'")
    try:
        (result,) = bad(place, "DAGs")
    finally:
        sql("update dag set is_stale = false where dag_id = 'observe'")
    assert result.state is CheckState.FAILED
    assert "does not know observe" in result.seen


def test_a_pool_that_is_missing_empty_or_too_large_is_a_failure(place: Location, airflow_server: Airflow) -> None:
    def set_slots(name: str, slots: int) -> None:
        pool = {"name": name, "slots": slots, "include_deferred": False}
        answer = airflow_server.http.patch(f"pools/{name}", json=pool, params={"update_mask": "slots"})
        assert answer.is_success, answer.text

    assert airflow_server.http.delete("pools/ingest").is_success
    try:
        (result,) = bad(place, "pools")
        assert "there is no pool ingest" in result.seen
    finally:
        pool = {"name": "ingest", "slots": pools.SLOTS["ingest"], "description": "", "include_deferred": False}
        assert airflow_server.http.post("pools", json=pool).is_success
    for slots, words in ((0, "has no slots"), (17, "40 slots together"), (-1, "has no limit")):
        set_slots("telescope", slots)
        try:
            (result,) = bad(place, "pools")
        finally:
            set_slots("telescope", pools.SLOTS["telescope"])
        assert result.state is CheckState.FAILED
        assert words in result.seen
    assert bad(place, "pools") == []
