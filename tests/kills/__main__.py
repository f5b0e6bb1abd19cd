"""`python -m tests.kills --listener 50 --others 20`: kill processes; nothing may be lost or done twice."""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from atdb_interface.client import Client
from atdb_interface.lifecycle import OBSERVE, STAGES, Status
from standalone.credentials import Credentials
from standalone.rehearsal.run import own_settings
from standalone.settings import DEFAULT_STATE, Settings
from standalone.stack import health, processes
from standalone.stack.stack import Stack
from tests.kills.flow import PAUSE_SECONDS, Away, Flow, is_interrupted, waits, wrong
from tests.kills.points import Point, Trap
from tests.kills.watched_proxy import watched_proxy
from tests.specifications import RULES

STATE = DEFAULT_STATE / "kills"
OTHERS = ("api", "airflow-api-server", "scheduler", "triggerer")
LONGEST_WAIT_SECONDS = 15.0
_HEARTBEATS = {"scheduler": "scheduler", "triggerer": "triggerer"}


class Host:
    """The listener in a process of its own, in place of the one in the stack's triggerer."""

    def __init__(self, settings: Settings, connections: Mapping[str, str]) -> None:
        self._log = settings.state / "host.log"
        self._environment = {**os.environ, **connections, "AIRFLOW_HOME": str(settings.airflow_home)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.host"], env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def restart(self, killed_at: float) -> Away:
        """Start the listener again; it is back when it begins to work."""
        begun = self._begun()
        assert self._process is not None
        self._process.wait(30)
        self.start()
        deadline = time.monotonic() + 120
        while self._begun() == begun:
            assert time.monotonic() < deadline, "the listener did not start again in time"
            time.sleep(0.05)
        return Away("listener", datetime.fromtimestamp(killed_at, UTC), datetime.now(UTC))

    def _begun(self) -> int:
        return self._log.read_bytes().count(b"begins\n")


class Killing:
    """A stack whose processes are killed, and watched until they are back."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.host: Host | None = None
        self.aways: list[Away] = []

    def kill_listener(self) -> None:
        """Send SIGKILL to the process of the listener."""
        if self.host is not None:
            self.host.kill()
        else:
            processes.kill_started(self.settings, "triggerer")

    def await_listener(self, killed_at: float) -> Away:
        """Wait until the listener works again."""
        if self.host is None:
            return self.await_back("triggerer", killed_at)
        self.aways.append(self.host.restart(killed_at))
        return self.aways[-1]

    def await_back(self, name: str, killed_at: float) -> Away:
        """Wait until a killed process and the whole stack work again."""
        killed = datetime.fromtimestamp(killed_at, UTC)
        deadline = time.monotonic() + 300
        while (back := self._back(name, killed)) is None:
            assert time.monotonic() < deadline, f"{name} did not work again in time"
            time.sleep(0.1)
        away = Away(name, killed, back)
        self.aways.append(away)
        while health.problems(self.settings):
            assert time.monotonic() < deadline, health.problems(self.settings)
            time.sleep(0.2)
        return away

    def _back(self, name: str, killed: datetime) -> datetime | None:
        if name in _HEARTBEATS:
            try:
                url = f"{self.settings.airflow_url}/api/v2/monitor/health"
                part = httpx.get(url, trust_env=False).json()[_HEARTBEATS[name]]
                seen = datetime.fromisoformat(part[f"latest_{_HEARTBEATS[name]}_heartbeat"])
            except (httpx.HTTPError, KeyError, TypeError, ValueError):
                return None
            return seen if seen > killed and self._is_running(name) else None
        reached = not any(each.process == name for each in health.problems(self.settings))
        return datetime.now(UTC) if reached and self._is_running(name) else None

    def _is_running(self, name: str) -> bool:
        return name in processes.running_names(self.settings)


@contextmanager
def stack_with_traps(settings: Settings, trap: Trap, killing: Killing, *, has_host: bool) -> Iterator[None]:
    """Run a stack whose listener reaches ATDB and Airflow through watched proxies.

    With a host, the stack's own listener has a wrong password, so that only the host's listener creates runs.
    """
    credentials = Credentials.prepare(settings.credentials)
    with ExitStack() as stack:
        atdb = stack.enter_context(watched_proxy(settings.atdb_url, trap.on_atdb))
        airflow = stack.enter_context(watched_proxy(settings.airflow_url, trap.on_airflow))
        logins = {
            "AIRFLOW_CONN_ATDB_DEFAULT": ("atdb", atdb, "airflow", credentials.atdb["airflow"]),
            "AIRFLOW_CONN_AIRFLOW_LISTEN": ("http", airflow, "listen", credentials.airflow_ui["listen"]),
        }
        connections = {
            name: json.dumps({"conn_type": kind, "host": host, "login": login, "password": password})
            for name, (kind, host, login, password) in logins.items()
        }
        no_way_in = {"conn_type": "http", "host": settings.airflow_url, "login": "listen", "password": "wrong"}
        given = {"AIRFLOW_CONN_AIRFLOW_LISTEN": json.dumps(no_way_in)} if has_host else connections
        given |= RULES
        os.environ.update(given)
        running = Stack(settings, say=print)
        running.start()
        stack.callback(running.stop)
        for name in given:
            del os.environ[name]
        if has_host:
            killing.host = Host(settings, connections)
            killing.host.start()
            stack.callback(killing.host.kill)
        yield


def main() -> int:
    """Kill as often as requested, and check the result; the exit status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument(
        "--listener", type=int, default=50, help="the number of kills of the listener at each point"
    )
    parser.add_argument("--others", type=int, default=20, help="the number of kills of each other process")
    parser.add_argument("--host", action="store_true", help="run the listener in a process of its own")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the order of kills")
    chosen = parser.parse_args()
    state = STATE / ("host" if chosen.host else "stack")
    processes.end(own_settings(state))
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    settings = own_settings(state)
    killing = Killing(settings)
    trap = Trap(killing.kill_listener)
    with stack_with_traps(settings, trap, killing, has_host=chosen.host):
        secret = Credentials.read(settings.credentials).atdb["operator"]
        with Client(settings.atdb_url, user="operator", secret=secret, patience=120) as atdb:
            flow = Flow(atdb)
            flow.start()
            _kill_all(killing, trap, atdb, chosen.listener, chosen.others, random.Random(chosen.seed))
            flow.stop()
            _await_end(atdb, flow)
            return _judge(settings, atdb, flow, killing, trap)


def _kill_all(
    killing: Killing, trap: Trap, atdb: Client, listener: int, others: int, order: random.Random
) -> None:
    """Kill in random order, each time after the work that waited for the previous process has begun."""
    targets: list[Point | str] = [*(list(Point) * listener), *(list(OTHERS) * others)]
    order.shuffle(targets)
    for number, target in enumerate(targets, start=1):
        if isinstance(target, Point):
            trap.arm(target)
            assert trap.fired.wait(300), f"the listener never reached the point: {target}"
            away = killing.await_listener(trap.fired_at)
        else:
            killed_at = time.time()
            processes.kill_started(killing.settings, target)
            away = killing.await_back(target, killed_at)
        seconds = (away.back - away.killed).total_seconds()
        print(f"{number:>4} of {len(targets)}  {target:<32} back after {seconds:5.1f} s", flush=True)
        _await_calm(atdb)
        time.sleep(order.uniform(0, PAUSE_SECONDS))


def _await_calm(atdb: Client) -> None:
    """Wait until all stages except observe are idle: otherwise, the next kill would hide how long work takes."""
    waiting = [stage.source for stage in STAGES if stage is not OBSERVE]
    deadline = time.monotonic() + 300
    while atdb.count_observations(my_status__in=waiting):
        assert time.monotonic() < deadline, "the stages did not complete their work in time"
        time.sleep(0.2)


def _await_end(atdb: Client, flow: Flow) -> None:
    deadline = time.monotonic() + 600
    ends = [Status.REMOVED, Status.ERROR_START_OBS]
    while (left := atdb.count_observations(my_status__in=ends)) < len(flow.task_ids):
        if time.monotonic() > deadline:
            print(f"{len(flow.task_ids) - left} observations did not reach their final status")
            return
        time.sleep(2)


def _judge(settings: Settings, atdb: Client, flow: Flow, killing: Killing, trap: Trap) -> int:
    observations = list(atdb.observations())
    runs, extra = working_runs(settings)
    sentences = wrong(observations, runs)
    waited = waits(observations, killing.aways)
    late = [each for each in waited if each.seconds > LONGEST_WAIT_SECONDS]
    kills = Counter(away.process for away in killing.aways)
    print(f"\n{len(observations)} observations, {len(waited)} stages, {sum(kills.values())} kills")
    for point in Point:
        print(f"  the listener, {point}: {trap.times[point]}")
    for name in OTHERS:
        of_listener = sum(trap.times.values()) if name == "triggerer" and killing.host is None else 0
        print(f"  {name}: {kills[name] - of_listener}")
    seconds = sorted(each.seconds for each in waited)
    print(f"waits: median {statistics.median(seconds):.1f} s, longest {seconds[-1]:.1f} s (allowed: 15 s)")
    print(f"runs that found their work started or completed by another run: {extra}")
    interrupted = [made.taskID for made in observations if is_interrupted(made)]
    print(f"starts that a kill interrupted and that are waiting for an operator: {interrupted or 'none'}")
    for each in late:
        print(f"waited too long: {each}")
    for sentence in sentences:
        print(sentence)
    _keep_evidence(settings.state, observations, killing.aways)
    print("Passed." if not (sentences or late) else "Failed.")
    return int(bool(sentences or late))


def working_runs(settings: Settings) -> tuple[Counter[tuple[str, str]], int]:
    """Count the runs whose task did not skip, per taskID and stage, and all runs that skipped."""
    secrets = Credentials.read(settings.credentials).airflow_ui
    login = {"username": "admin", "password": secrets["admin"]}
    token = httpx.post(f"{settings.airflow_url}/auth/token", json=login, timeout=60).json()["access_token"]
    counts: Counter[tuple[str, str]] = Counter()
    skipped = 0
    with httpx.Client(
        base_url=f"{settings.airflow_url}/api/v2/", headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as http:
        for stage in ("specify", "observe", "validate", "ingest", "remove"):
            offset, total = 0, 1
            while offset < total:
                params: dict[str, str | int] = {"limit": 100, "offset": offset, "order_by": "id"}
                page = http.get(f"dags/{stage}/dagRuns/~/taskInstances", params=params).json()
                total, offset = page["total_entries"], offset + 100
                for instance in page["task_instances"]:
                    task_id = instance["dag_run_id"].split("-")[0]
                    if instance["task_id"] not in (stage, "start"):
                        continue
                    if instance["state"] == "skipped":
                        skipped += 1
                    else:
                        counts[task_id, stage] += 1
    return counts, skipped


def _keep_evidence(state: Path, observations: Sequence[object], aways: Sequence[Away]) -> None:
    path = state / "evidence.json"
    histories = [made.model_dump(mode="json") for made in observations]  # type: ignore[attr-defined]
    path.write_text(json.dumps({"observations": histories, "aways": [str(away) for away in aways]}, indent=1))


if __name__ == "__main__":
    raise SystemExit(main())
