"""Check the health of each service of the stack."""

import http.client
import json
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from standalone.settings import Settings

_TIMEOUT_SECONDS = 5.0
#: The processes whose health Airflow's API reports, by their names there.
AIRFLOW_PARTS = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class HealthProblem:
    """A service that is not healthy: the process whose log has details, and the reason."""

    process: str
    reason: str


def problems(settings: Settings) -> list[HealthProblem]:
    """Check all services in parallel; an empty list means that the stack is healthy."""
    checks: list[Callable[[Settings], list[HealthProblem]]] = [of_atdb, of_airflow, of_telescope]
    with ThreadPoolExecutor(len(checks)) as pool:
        return [problem for of_part in pool.map(lambda check: check(settings), checks) for problem in of_part]


def of_atdb(settings: Settings) -> list[HealthProblem]:
    """Check ATDB's API, which checks its database."""
    _, reason = _get(f"{settings.atdb_url}/atdb/health")
    return [HealthProblem("api", reason)] if reason else []


def of_telescope(settings: Settings) -> list[HealthProblem]:
    """Check the telescope simulator."""
    _, reason = _get(f"{settings.telescope_url}/health")
    return [HealthProblem("telescope", reason)] if reason else []


def of_airflow(settings: Settings) -> list[HealthProblem]:
    """Check Airflow's API, its part for tasks, and the processes whose heartbeats it reports."""
    body, reason = _get(f"{settings.airflow_url}/api/v2/monitor/health")
    # Airflow creates the part for tasks at its first request, which takes seconds. Until then no task can begin.
    reason = reason or _get(f"{settings.airflow_url}/execution/health")[1]
    if reason:
        return [HealthProblem("airflow-api-server", reason)]
    try:
        health = json.loads(body)
        states = {process: health[part]["status"] for part, process in AIRFLOW_PARTS.items()}
    except (ValueError, KeyError, TypeError):
        return [HealthProblem("airflow-api-server", "the response is not one of Airflow's health endpoint")]
    return [
        HealthProblem(process, f"Airflow reports it as {state or 'not started yet'}")
        for process, state in states.items()
        if state != "healthy"
    ]


def _get(url: str) -> tuple[bytes, str]:
    """Return the body of a successful response, or the reason why there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach this machine
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            return answer.read(), ""
    except (OSError, http.client.HTTPException) as error:
        return b"", f"{url}: {error}"
