"""The requests of users that change runs, read from the entries of Airflow's audit log.

Airflow 3.3.2 writes an entry when it receives a request, before it carries the request out. Sometimes it then
refuses the request, because the user lacks the permission. So an entry shows who asked, but not whether it was
done. A change of several task instances in one request (`PATCH .../taskInstances`) leaves no entry.

Any user can write anything into the log, because Airflow writes the body of a request into it before it reads that
body.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The entries about requests that clear runs, or tasks of them.
_CLEARS = ("clear_dag_run", "clear_dag_runs", "post_clear_task_instances", "cli_task_clear")
#: A request for runs of several DAGs.
ANY_DAG = "~"
#: Requests for this many runs of one entry are read one by one; all others become one request.
MOST_RUNS = 500
#: The longest id in Airflow's database.
_LONGEST_ID = 250
#: Airflow reads these, and some others, as `dry_run=false`.
_FALSE = frozenset({"0", "0.0", "false", "f", "no", "n", "off"})


@dataclass(frozen=True)
class RunRequest:
    """A request of a user for a run. `run_id`: None if the request names no run. `key` is unique.

    `operation`: such as "clear", "clear the task ingest of" or "mark as failed".
    """

    key: str
    at: datetime
    user: str
    operation: str
    dag_id: str
    run_id: str | None
    partition_key: str | None
    is_clear: bool

    def includes(self, dag_id: str, run_id: str, partition_key: str) -> bool:
        """Return whether the request is for this run, alone or among others."""
        if self.dag_id not in (dag_id, ANY_DAG):
            return False
        return self.run_id == run_id if self.run_id else self.partition_key in (None, partition_key)


class _UnreadableError(ValueError):
    """The body of the request has another shape than Airflow's API accepts, so Airflow refuses it too."""


def requests_of(entry: Mapping[str, Any]) -> Iterator[RunRequest]:
    """Yield the requests in an entry of the audit log, run by run; none if the entry changes no run.

    An entry that cannot be read counts as one request, other than a clear, for the run that it names, if any.
    """
    reader = _READERS.get(entry["event"])
    if reader is None:
        return
    is_clear = entry["event"] in _CLEARS
    try:
        operations = [(operation, *_target(entry, named)) for operation, named in reader(entry, _body(entry))]
    except _UnreadableError:
        is_clear = False
        run_id = entry["run_id"] if _is_id(entry["run_id"]) else None
        operations = [
            (f"do something unreadable ({entry['event']}) with", entry["dag_id"] or ANY_DAG, run_id, None)
        ]
    if rest := operations[MOST_RUNS:]:
        operations[MOST_RUNS:] = [(f"{rest[0][0]} {len(rest)} more", entry["dag_id"] or ANY_DAG, None, None)]
    at = datetime.fromisoformat(entry["when"])
    for number, (operation, dag_id, run_id, partition_key) in enumerate(operations):
        yield RunRequest(
            # Airflow numbers its entries from 1 again when its database is created again.
            key=f"{entry['when']}/{entry['event_log_id']}/{number}",
            at=at,
            user=entry["owner"] or "an unknown user",
            operation=operation,
            dag_id=dag_id,
            run_id=run_id,
            partition_key=partition_key,
            is_clear=is_clear,
        )


def _target(entry: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return the DAG, the run id and the partition key of one part of a request."""
    ids = [named.get(name) for name in ("dag_id", "dag_run_id", "partition_key")]
    if any(each is not None and not _is_id(each) for each in ids):
        raise _UnreadableError
    dag_id, run_id, partition_key = ids
    return dag_id or entry["dag_id"] or ANY_DAG, run_id, partition_key


def _is_id(value: Any) -> bool:
    """Return whether this can be an id in Airflow, so that its API accepts a query for it."""
    if not isinstance(value, str) or value in ("", ".", ".."):
        return False
    return value.isprintable() and len(value) <= _LONGEST_ID


def _body(entry: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(entry["extra"] or "{}")
    except (ValueError, RecursionError):
        raise _UnreadableError from None
    if not isinstance(body, dict):
        raise _UnreadableError
    return body


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    items = body.get(name) or []
    if not isinstance(items, list):
        raise _UnreadableError
    return items


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise _UnreadableError
    return item


def _state(body: Mapping[str, Any], name: str) -> str | None:
    state = body.get(name)
    if state is None or isinstance(state, str):
        return state
    raise _UnreadableError


_Operations = Iterator[tuple[str, Mapping[str, Any]]]


def _this(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"dag_run_id": entry["run_id"]}


def _clear(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    yield "clear the failed tasks of" if body.get("only_failed") else "clear", _this(entry)


def _clear_tasks(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    markers = [_marker(item) for item in _list(body, "task_ids")]
    tasks = f"task {', '.join(markers)}" if markers else "tasks"
    yield f"clear the {'failed ' if body.get('only_failed') else ''}{tasks} of", _this(entry)


def _marker(item: Any) -> str:
    """Return the name of a task from a marker: the name, or the name and the index of a mapped task."""
    match item:
        case str(name) | [str(name), int()]:
            return name
    raise _UnreadableError


def _clear_several(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    if str(body.get("dry_run", True)).lower() not in _FALSE:
        return
    operation, _ = next(_clear(entry, body))
    named = [_object(run) for run in _list(body, "dag_runs")]
    for run in named or [{"partition_key": body.get("partition_key")}]:
        yield operation, run


def _clear_by_command(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    yield f"clear tasks, by the command {body.get('full_command')}, of", _this(entry)


def _mark_run(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    if state := _state(body, "state"):
        yield f"mark as {state}", _this(entry)


def _mark_task(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    if state := _state(body, "new_state"):
        task = f"the task {entry['task_id']}" if entry["task_id"] else "tasks"
        yield f"mark {task} as {state} of", _this(entry)


def _change_several(_: Mapping[str, Any], body: Mapping[str, Any]) -> _Operations:
    for change in map(_object, _list(body, "actions")):
        for of in _list(change, "entities"):
            run = {"dag_run_id": of} if isinstance(of, str) else _object(of)
            if change.get("action") == "delete":
                yield "delete", run
            elif state := _state(run, "state"):
                yield f"mark as {state}", run


def _delete(entry: Mapping[str, Any], _: Mapping[str, Any]) -> _Operations:
    yield "delete", _this(entry)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], _Operations]] = {
    "clear_dag_run": _clear,
    "clear_dag_runs": _clear_several,
    "post_clear_task_instances": _clear_tasks,
    "cli_task_clear": _clear_by_command,
    "patch_dag_run": _mark_run,
    "patch_task_instance": _mark_task,
    "patch_task_group_instances": _mark_task,
    "bulk_dag_runs": _change_several,
    "delete_dag_run": _delete,
}
