"""Ask each part of the stack whether it is well."""

import http.client
import json
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from standalone.settings import Settings

_TIMEOUT_SECONDS = 5.0
#: The processes behind Airflow's API, by the names that it gives them.
AIRFLOW_PARTS = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class HealthProblem:
    """A part that is not well: the process whose log tells more, and what was seen."""

    process: str
    reason: str


def problems(settings: Settings) -> list[HealthProblem]:
    """Ask all parts at the same time; an empty list means that the stack is well."""
    checks: list[Callable[[Settings], list[HealthProblem]]] = [of_atdb, of_airflow, of_telescope]
    with ThreadPoolExecutor(len(checks)) as pool:
        return [problem for of_part in pool.map(lambda check: check(settings), checks) for problem in of_part]


def of_atdb(settings: Settings) -> list[HealthProblem]:
    """Ask ATDB's API, which asks its database."""
    _, reason = _get(f"{settings.atdb_url}/atdb/health")
    return [HealthProblem("api", reason)] if reason else []


def of_telescope(settings: Settings) -> list[HealthProblem]:
    """Ask the telescope simulator."""
    _, reason = _get(f"{settings.telescope_url}/health")
    return [HealthProblem("telescope", reason)] if reason else []


def of_airflow(settings: Settings) -> list[HealthProblem]:
    """Ask Airflow's API, and its part for tasks; it knows of the other processes by their heartbeats."""
    body, reason = _get(f"{settings.airflow_url}/api/v2/monitor/health")
    # Airflow creates the part for tasks when it is first asked, which takes seconds: until then no task can begin.
    reason = reason or _get(f"{settings.airflow_url}/execution/health")[1]
    if reason:
        return [HealthProblem("airflow-api-server", reason)]
    try:
        health = json.loads(body)
        states = {process: health[part]["status"] for part, process in AIRFLOW_PARTS.items()}
    except (ValueError, KeyError, TypeError):
        return [HealthProblem("airflow-api-server", "gives an answer that is not Airflow's")]
    return [
        HealthProblem(process, f"Airflow calls it {state or 'not started yet'}")
        for process, state in states.items()
        if state != "healthy"
    ]


def _get(url: str) -> tuple[bytes, str]:
    """Give the body of a good answer, or the reason why there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot see this machine
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            return answer.read(), ""
    except (OSError, http.client.HTTPException) as error:
        return b"", f"{url}: {error}"
