"""Kill each container, cut one off its network, and restart all, while observations are in progress."""

import time
from datetime import UTC, datetime, timedelta

from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.containers.entry_point import MIGRATIONS
from tests.compose.deployment import PROJECT, Container
from tests.compose.trial import Trial, processes_of, require

OBSERVATIONS = 20
CUT_SECONDS = 60.0


def kills(trial: Trial) -> None:
    """Kill the first process of every container, once during an ingest and once during an observation."""
    victims = sorted(each.service for each in trial.deployment.containers() if each.service not in MIGRATIONS)
    killed = []
    with trial.client() as atdb:
        task_ids = set(trial.submit(atdb, OBSERVATIONS))
        for status in (Status.INGESTING, Status.RUNNING):
            for service in victims:
                container = trial.deployment.container(service)
                trial.await_status(atdb, status, task_ids)
                container.kill()
                killed.append((datetime.now(UTC), status, service))
                await_return(trial, container, str(status))
        print(f"  the network of worker is cut for {CUT_SECONDS:.0f} s", flush=True)
        # A task that was lost on its way to the worker is queued again within 200 s, in time for the start.
        begin = datetime.now(UTC) + timedelta(minutes=8)
        task_ids |= {trial.observation(atdb, begin + timedelta(seconds=40 * place), 30) for place in range(2)}
        cut(trial, "worker")
        print("  the whole stack is restarted", flush=True)
        trial.deployment.compose("restart")
        trial.deployment.await_healthy()
        arrived = trial.arrive(atdb, task_ids, {Status.REMOVED}, seconds=600)
        trial.judge(atdb, arrived)
    for moment, status, service in killed:
        require(
            any(had(each, status, moment) for each in arrived),
            f"{service}: no observation was {status} at {moment}",
        )


def had(observation: Observation, status: Status, moment: datetime) -> bool:
    """Return whether an observation had a status at a moment."""
    before = [step for step in observation.status_history if step.timestamp <= moment]
    return bool(before) and before[-1].name == status


def await_return(trial: Trial, killed: Container, during: str) -> None:
    """Check that Docker restarts a killed container, and that it becomes healthy."""
    began = time.monotonic()
    while trial.deployment.container(killed.service).started == killed.started:
        require(time.monotonic() - began < 120, f"Docker did not restart {killed.service}")
        time.sleep(0.5)
    trial.deployment.await_healthy(killed.service)
    seconds = time.monotonic() - began
    print(f"  {killed.service:<22} killed during {during:<10} healthy after {seconds:4.0f} s", flush=True)


def out_of_memory(trial: Trial) -> None:
    """Kill a task, or the process of Celery that supervises it, as the kernel does: Airflow notices both."""
    for title in ("airflow worker -- ", "airflow supervisor: "):
        with trial.client() as atdb:
            task_ids = set(trial.submit(atdb, 1))
            trial.await_status(atdb, Status.INGESTING, task_ids)
            of_worker = processes_of(trial.deployment.container("worker").pid)
            processes = [process for process, line in of_worker if line.startswith(title)]
            require(processes, f"there is no process with the title {title}")
            for process in processes:
                process.kill()
            began = time.monotonic()
            trial.judge(atdb, trial.arrive(atdb, task_ids, {Status.REMOVED}))
            print(f"  {title.strip(' -:')} killed, completed after {time.monotonic() - began:.0f} s", flush=True)


def cut(trial: Trial, service: str) -> None:
    """Disconnect a container from its network for a while."""
    network, container = f"{PROJECT}_back", trial.deployment.container(service).id
    trial.deployment.docker("network", "disconnect", network, container)
    time.sleep(CUT_SECONDS)
    trial.deployment.docker("network", "connect", "--alias", service, network, container)
