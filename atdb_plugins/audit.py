"""What people asked Airflow to do with runs, read from the entries of Airflow's audit log.

Airflow 3.3.2 writes an entry when it receives a request, before it carries the request out: for some requests even
before it refuses a user without the permission. So an entry shows who asked, and not that it was done. A change of
several task instances in one request (`PATCH .../taskInstances`) leaves no entry.
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


@dataclass(frozen=True)
class RunRequest:
    """What a person asked for a run. `run_id`: None for a request that names no run; `key` is unique.

    `deed`: such as "clear", "clear the task ingest of" or "mark as failed".
    """

    key: str
    at: datetime
    user: str
    deed: str
    dag_id: str
    run_id: str | None
    partition_key: str | None
    is_clear: bool

    def includes(self, dag_id: str, run_id: str, partition_key: str) -> bool:
        """Return whether the request is for this run, alone or among others."""
        if self.dag_id not in (dag_id, ANY_DAG):
            return False
        return self.run_id == run_id if self.run_id else self.partition_key in (None, partition_key)


def requests_of(entry: Mapping[str, Any]) -> Iterator[RunRequest]:
    """Yield what an entry of the audit log asks for, run by run; nothing for one that changes no run."""
    reader = _READERS.get(entry["event"])
    if reader is None:
        return
    at = datetime.fromisoformat(entry["when"])
    for number, (deed, named) in enumerate(reader(entry, _body(entry))):
        dag_id = named.get("dag_id") or entry["dag_id"] or ANY_DAG
        yield RunRequest(
            # Airflow numbers its entries from 1 again when its database is made new.
            key=f"{entry['when']}/{entry['event_log_id']}/{number}",
            at=at,
            user=entry["owner"] or "an unknown user",
            deed=deed,
            dag_id=dag_id,
            run_id=named.get("dag_run_id"),
            partition_key=named.get("partition_key"),
            is_clear=entry["event"] in _CLEARS,
        )


def _body(entry: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(entry["extra"] or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


_Deeds = Iterator[tuple[str, Mapping[str, Any]]]


def _this(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"dag_run_id": entry["run_id"]}


def _clear(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    yield "clear the failed tasks of" if body.get("only_failed") else "clear", _this(entry)


def _clear_tasks(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    # An entry of the task's markers is its name, or its name and the index of a mapped one.
    markers = [marker if isinstance(marker, str) else marker[0] for marker in body.get("task_ids") or []]
    tasks = f"task {', '.join(map(str, markers))}" if markers else "tasks"
    yield f"clear the {'failed ' if body.get('only_failed') else ''}{tasks} of", _this(entry)


def _clear_several(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    if body.get("dry_run", True):
        return
    deed, _ = next(_clear(entry, body))
    named = [run for run in body.get("dag_runs") or [] if isinstance(run, dict)]
    for run in named or [{"partition_key": body.get("partition_key")}]:
        yield deed, run


def _clear_by_command(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    yield f"clear tasks, by the command {body.get('full_command')}, of", _this(entry)


def _mark_run(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    if state := body.get("state"):
        yield f"mark as {state}", _this(entry)


def _mark_task(entry: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    if state := body.get("new_state"):
        task = f"the task {entry['task_id']}" if entry["task_id"] else "tasks"
        yield f"mark {task} as {state} of", _this(entry)


def _change_several(_: Mapping[str, Any], body: Mapping[str, Any]) -> _Deeds:
    for change in body.get("actions") or []:
        for of in change.get("entities") or []:
            run = of if isinstance(of, dict) else {"dag_run_id": of}
            if change.get("action") == "delete":
                yield "delete", run
            elif state := run.get("state"):
                yield f"mark as {state}", run


def _delete(entry: Mapping[str, Any], _: Mapping[str, Any]) -> _Deeds:
    yield "delete", _this(entry)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], _Deeds]] = {
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
