"""Any user can write any JSON into Airflow's audit log: reading an entry of it never fails."""

import itertools
import json
from typing import Any

import pytest

from atdb_plugins.audit_log import MOST_RUNS, RunRequest, requests_of

READ = (
    *("clear_dag_run", "clear_dag_runs", "post_clear_task_instances", "cli_task_clear", "delete_dag_run"),
    *("patch_dag_run", "patch_task_instance", "patch_task_group_instances", "bulk_dag_runs"),
)
NAMES = (
    *("dry_run", "only_failed", "task_ids", "dag_runs", "partition_key", "state", "new_state", "actions"),
    *("dag_id", "dag_run_id", "entities", "action"),
)
JUNK: tuple[Any, ...] = (
    None,
    5,
    1.5,
    True,
    "x",
    "",
    "..",
    "\0",
    "\ud800",
    "x" * 300,
    [],
    {},
    [[]],
    [None],
    [5],
    [{"a": 1}],
    ["x"],
)


def read(event: str, body: Any, run_id: str | None = "run 1") -> list[RunRequest]:
    entry: dict[str, Any] = {
        **{"event": event, "event_log_id": 7, "when": "2026-11-26T12:00:00Z", "owner": "ada"},
        **{"dag_id": "ingest", "task_id": None, "run_id": run_id},
        "extra": body if isinstance(body, str) else json.dumps(body),
    }
    return list(requests_of(entry))


@pytest.mark.parametrize("event", READ)
def test_no_entry_makes_the_reader_fail(event: str) -> None:
    bodies = [dict(zip(("dry_run", name), (False, junk), strict=True)) for name in NAMES for junk in JUNK]
    bodies += [{"dry_run": False, "dag_runs": [{name: junk}]} for name in NAMES for junk in JUNK]
    changes: list[dict[str, Any]] = [{"action": "delete", "entities": [junk]} for junk in JUNK]
    changes += [
        {"action": action, "entities": [{"state": "failed", name: junk}]}
        for action, name, junk in itertools.product(("delete", "update", 5), NAMES, JUNK)
    ]
    bodies += [{"actions": [{"action": "delete", **{name: junk}}]} for name in NAMES for junk in JUNK]
    bodies += [{"actions": [change]} for change in changes]
    for body in [*bodies, "", "5", "[]", "no JSON", "[" * 100_000]:
        for request in read(event, body):
            ids = (request.run_id, request.partition_key)
            assert all(each is None or (each.isprintable() and 0 < len(each) <= 250) for each in ids), body
            assert request.dag_id


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("post_clear_task_instances", {"task_ids": [[]]}),
        ("post_clear_task_instances", {"task_ids": 5}),
        ("post_clear_task_instances", {"task_ids": [{"a": 1}]}),
        ("post_clear_task_instances", {"task_ids": [None]}),
        ("clear_dag_runs", {"dag_runs": 5, "dry_run": False}),
        ("clear_dag_runs", {"dag_runs": [{"dag_run_id": 5}], "dry_run": False}),
        ("bulk_dag_runs", {"actions": ["x"]}),
        ("bulk_dag_runs", {"actions": [{"action": "delete", "entities": 5}]}),
        ("patch_dag_run", {"state": ["failed"]}),
    ],
)
def test_what_cannot_be_read_is_one_request_and_no_clear(event: str, body: Any) -> None:
    (request,) = read(event, body)
    assert (request.user, request.operation) == ("ada", f"do something unreadable ({event}) with")
    assert (request.dag_id, request.run_id, request.is_clear) == ("ingest", "run 1", False)
    assert read(event, body, run_id="..")[0].run_id is None


@pytest.mark.parametrize("dry_run", [False, "false", 0, "off"])
def test_a_clear_is_read_however_its_false_is_written(dry_run: Any) -> None:
    (request,) = read("clear_dag_runs", {"dry_run": dry_run, "dag_runs": [{"dag_run_id": "run 2"}]})
    assert (request.run_id, request.is_clear) == ("run 2", True)


@pytest.mark.parametrize("dry_run", [None, True, "true", 1])
def test_a_preview_is_no_request(dry_run: Any) -> None:
    assert read("clear_dag_runs", {"dry_run": dry_run, "dag_runs": [{"dag_run_id": "run 2"}]}) == []


def test_a_request_for_very_many_runs_is_read_for_the_first_of_them() -> None:
    runs = [{"dag_run_id": f"run {number}"} for number in range(MOST_RUNS + 3)]
    *each, rest = read("clear_dag_runs", {"dry_run": False, "dag_runs": runs})
    assert [request.run_id for request in each] == [run["dag_run_id"] for run in runs[:MOST_RUNS]]
    assert (rest.operation, rest.run_id) == ("clear 3 more", None)
    assert rest.includes("ingest", f"run {MOST_RUNS + 1}", "190405034")
