"""Kill processes of the stack, and tasks that Airflow has forked from them, with SIGKILL."""

import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

import httpx
import psutil
import psycopg2
from psycopg2.sql import SQL, Identifier

from standalone.credentials import Credentials
from standalone.rehearsal.faults import PROCESSES, RehearsedFault
from standalone.settings import Settings
from standalone.stack import database, health, preparation, processes, programs

_WORKER = "airflow worker -- LocalExecutor: "
_AIRFLOW = ("airflow-api-server", "scheduler", "dag-processor", "triggerer")
#: After this time, a killed service must be healthy again.
RECOVERY_SECONDS = 300.0
#: How long to wait for a running task of a stage.
_PATIENCE_SECONDS = 10.0


class NotWell(Exception):
    """A service of the stack did not recover."""


@dataclass(frozen=True)
class Worker:
    """A worker of LocalExecutor that has a task now: the supervisor, and the task itself."""

    supervisor: psutil.Process
    task: psutil.Process
    task_id: str | None
    """The taskID in ATDB of the observation that the task works on."""


class ProcessKiller:
    """Kill processes of one running stack."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings, self._credentials = settings, credentials

    def kill(self, fault: RehearsedFault) -> list[str] | None:
        """Kill one process. Return the affected taskIDs, if they are known; None if there was no such process."""
        if fault in {RehearsedFault.KILL_TASK, RehearsedFault.KILL_SUPERVISOR}:
            return self._kill_worker(supervisor=fault is RehearsedFault.KILL_SUPERVISOR)
        if fault is RehearsedFault.DROP_AIRFLOW:
            self._drop_airflow()
            return []
        return [] if processes.kill_started(self._settings, PROCESSES[fault]) else None

    def kill_task_of(self, task_id: str) -> bool:
        """Kill the task that works on an observation; return whether there was one."""
        for worker in self._workers():
            if worker.task_id == task_id:
                with suppress(psutil.NoSuchProcess):
                    worker.task.kill()
                    return True
        return False

    def await_health(self, since: datetime, over: Event) -> None:
        """Wait until all services were seen healthy after `since`, or until `over` is set. Raises NotWell."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not over.wait(0.25) and (problems := self._problems(since)):
            if time.monotonic() > deadline:
                raise NotWell("; ".join(problems))

    def _problems(self, since: datetime) -> list[str]:
        missing = [
            f"{name} is not running" for name in set(programs.names()) - processes.running_names(self._settings)
        ]
        if reason := database.unready(self._settings, self._credentials):
            missing.append(reason)
        if missing:
            return missing
        problems = [f"{problem.process}: {problem.reason}" for problem in health.problems(self._settings)]
        return problems or [
            f"{part} has sent no heartbeat since the kill"
            for part, seen in self._heartbeats().items()
            if seen < since
        ]

    def _heartbeats(self) -> dict[str, datetime]:
        """Return the last heartbeats: Airflow calls a process healthy for some seconds after its end."""
        try:
            answer = httpx.get(f"{self._settings.airflow_url}/api/v2/monitor/health", trust_env=False).json()
            return {
                part: datetime.fromisoformat(answer[part][f"latest_{part}_heartbeat"])
                for part in ("scheduler", "triggerer", "dag_processor")
            }
        except (httpx.HTTPError, KeyError, ValueError, TypeError):
            return {"airflow-api-server": datetime.min.replace(tzinfo=UTC)}

    def _kill_worker(self, *, supervisor: bool) -> list[str] | None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for worker in self._workers():
                if worker.task_id is None:
                    continue
                with suppress(psutil.NoSuchProcess):
                    (worker.supervisor if supervisor else worker.task).kill()
                    return [worker.task_id]
            time.sleep(0.05)
        return None

    def _workers(self) -> list[Worker]:
        workers = []
        for scheduler in processes.find_started(self._settings, "scheduler"):
            with suppress(psutil.Error):
                for worker in scheduler.children():
                    title = " ".join(worker.cmdline()).strip()
                    instance = title.removeprefix(_WORKER)
                    if instance != title and (tasks := worker.children()):
                        workers.append(Worker(worker, tasks[0], self._task_id_of(instance)))
        return workers

    def _task_id_of(self, instance: str) -> str | None:
        sql = (
            "SELECT partition_key FROM dag_run JOIN task_instance USING (dag_id, run_id) "
            "WHERE task_instance.id::text = %s"
        )
        try:
            with (
                closing(database.connect(self._settings, self._credentials, "airflow")) as opened,
                opened.cursor() as cursor,
            ):
                cursor.execute(sql, (instance,))
                row = cursor.fetchone()
        except psycopg2.Error:
            return None
        return None if row is None else row[0]

    def _drop_airflow(self) -> None:
        """End Airflow, drop its database, and create a new one, as after a loss of the database."""
        (self._settings.run / "airflow").unlink(missing_ok=True)  # prevents Airflow from starting until it is done
        for name in _AIRFLOW:
            processes.end(self._settings, name)
        with closing(database.connect(self._settings, self._credentials)) as opened, opened.cursor() as cursor:
            cursor.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier("airflow")))
        preparation.prepare_airflow(self._settings, self._credentials)
