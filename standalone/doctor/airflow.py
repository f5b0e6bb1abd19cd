"""Airflow: its API and other processes, its DAGs and its pools."""

import json
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Any

from airflow.configuration import conf

from atdb_interface.fields import write_time
from atdb_interface.lifecycle import STAGES
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.stage_dags import LISTEN_DAG
from standalone.doctor.location import Location
from standalone.doctor.reasons import short
from standalone.doctor.results import CheckResult, failed, warning, well
from standalone.stack import pools
from standalone.stack.health import AIRFLOW_PARTS

SUBJECT = "Airflow"
_DAGS = (LISTEN_DAG, *(str(stage.actor) for stage in STAGES), "reconcile")
_LIMIT = 100


def check(place: Location) -> Iterator[CheckResult]:
    """Query Airflow's API with the account of tasks, which has read access only."""
    hook = AirflowHook()
    try:
        answered = hook.read("version")["version"]
        health = hook.read("monitor/health")
    except (AirflowApiError, KeyError, TypeError) as error:
        advice = (
            f"{place.look_at('airflow-api-server')}. If it runs and refuses the account, restart it, so that it "
            f"reads the passwords in {place.settings.credentials}."
        )
        yield failed(SUBJECT, f"a request to its API failed: {short(error)}", advice)
        return
    yield _of_version(place, answered)
    yield from _of_processes(place, health)
    yield from _of_dags(place, hook)
    yield from _of_pools(hook)


def _of_version(place: Location, answered: str) -> CheckResult:
    ours = version("apache-airflow-core")
    if answered == ours:
        return well(SUBJECT, f"version {answered} responds, and accepts the account reconcile")
    advice = f"Complete the upgrade: start all services in one version with {place.start()}."
    return failed(SUBJECT, f"version {answered} responds; tasks here have version {ours}", advice)


def _of_processes(place: Location, health: Any) -> Iterator[CheckResult]:
    if health["metadatabase"]["status"] != "healthy":
        advice = f"See the line `database`. {place.look_at('airflow-api-server')}."
        yield failed(SUBJECT, "it cannot use its database", advice)
    for part, process in AIRFLOW_PARTS.items():
        status = (health.get(part) or {}).get("status")
        beat = (health.get(part) or {}).get(f"latest_{part}_heartbeat")
        if status == "healthy":
            yield well(process, "Airflow reports it healthy")
            continue
        seen = f"it has not reported since {_seconds(beat)}" if beat else "it has never reported"
        advice = (
            f"{place.look_at(process)}. If it does not run, start it with {place.start(process)}. If it hangs, "
            f"restart it with {place.restart(process)}."
        )
        yield failed(process, seen, advice)


def _of_dags(place: Location, hook: AirflowHook) -> Iterator[CheckResult]:
    errors = hook.read("importErrors", limit=_LIMIT)["import_errors"]
    for error in errors:
        # The last line of a traceback is the error itself.
        reason = (error["stack_trace"].strip().splitlines() or ["no reason"])[-1]
        advice = "Correct the file, or restore the one of this version; Airflow reads it again within a minute."
        yield failed("DAGs", f"{error['filename']} cannot be imported: {reason}", advice)
    known = {dag["dag_id"]: dag["is_paused"] for dag in hook.read("dags", limit=_LIMIT)["dags"]}
    missing = [dag_id for dag_id in _DAGS if dag_id not in known]
    if missing:
        seen = f"Airflow does not know {', '.join(missing)}"
        yield failed("DAGs", seen, f"{place.look_at('dag-processor')}: it reads the folder of DAGs.")
    paused = [dag_id for dag_id in _DAGS if known.get(dag_id)]
    for dag_id in paused:
        yield warning(
            "DAGs",
            f"{dag_id} has been paused in Airflow{_by(hook, dag_id)}",
            f"Find out why. To resume the DAG {dag_id}, use its switch on Airflow's page Dags.",
        )
    if not (errors or missing or paused):
        yield well("DAGs", f"all {len(_DAGS)} exist, and none is paused")


def _by(hook: AirflowHook, dag_id: str) -> str:
    """Format which user paused a DAG and when; empty if Airflow's audit log does not have it any more."""
    page = hook.read("eventLogs", dag_id=dag_id, event="patch_dag", order_by="-event_log_id", limit=_LIMIT)
    for entry in page["event_logs"] if page else []:
        try:
            is_pause = json.loads(entry["extra"] or "{}").get("is_paused") is True
        except ValueError:
            is_pause = False
        if is_pause:
            return f" by {entry['owner']} since {_seconds(entry['when'])}"
    return ""


def _seconds(time: str) -> str:
    """Return a time of Airflow, which has microseconds, as ATDB writes times."""
    return write_time(datetime.fromisoformat(time))


def _of_pools(hook: AirflowHook) -> Iterator[CheckResult]:
    slots = {pool["name"]: pool["slots"] for pool in hook.read("pools", limit=_LIMIT)["pools"]}
    wrong = False
    for name, intended in {**pools.SLOTS, "default_pool": pools.DEFAULT_SLOTS}.items():
        if name not in slots:
            wrong = True
            advice = f"In Airflow, Admin > Pools, create the pool {name} with {intended} slots."
            yield failed("pools", f"there is no pool {name}, so its tasks never start", advice)
        elif slots[name] == 0:
            wrong = True
            advice = f"In Airflow, Admin > Pools, set its slots; the default is {intended}."
            yield failed("pools", f"the pool {name} has no slots, so its tasks never start", advice)
    unlimited = sorted(name for name, number in slots.items() if number < 0)
    total, parallelism = sum(slots.values()), conf.getint("core", "parallelism")
    if unlimited or total >= parallelism:
        wrong = True
        seen = f"all pools have {total} slots together"
        if unlimited:
            seen = f"the pool {unlimited[0]} has no limit"
        yield failed(
            "pools",
            f"{seen}; Airflow runs up to {parallelism} tasks at once, so other work can delay observations",
            f"In Airflow, Admin > Pools, reduce the slots to less than {parallelism} together. Or increase [core] "
            "parallelism in standalone/airflow.cfg, and restart the scheduler.",
        )
    if not wrong:
        yield well("pools", f"all exist; they have {total} slots, for up to {parallelism} tasks at once")
