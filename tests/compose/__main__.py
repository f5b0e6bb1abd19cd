"""`make test-compose`: start all containers, work with them from outside, break them, and judge."""

import argparse
import json
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil

from atdb_interface.checksum import product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.models import Observation
from atdb_interface.schedule import read_schedule
from standalone import replay
from standalone.containers.service import MIGRATIONS
from standalone.containers.services import PROCESSES
from standalone.demo import EXAMPLE
from tests.compose.browsing import log_in_to_both
from tests.compose.deployment import Deployment, deployed

OBSERVATIONS = 20
PRODUCT_BYTES = 3 << 19  # 40 products an observation: 20 observations have more than 1 GiB
SLOW_CLIENTS = 40
CUT_SECONDS = 60.0
QUEUED_INGESTS = 100
LATEST_START_SECONDS = 10.0


class Failed(AssertionError):
    """What was seen is not what must be."""


def require(holds: object, sentence: str) -> None:
    """Raise Failed if something does not hold."""
    if not holds:
        raise Failed(sentence)


class Trial:
    """The steps, one after the other, on one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.tls = ssl.create_default_context(cafile=str(deployment.certificate))

    def client(self, account: str = "operator") -> Client:
        """Log in through nginx, over TLS."""
        os.environ["SSL_CERT_FILE"] = str(self.deployment.certificate)
        secret = self.deployment.credentials.atdb[account]
        return Client(self.deployment.url, user=account, secret=secret, patience=300)

    def airflow(self) -> httpx.Client:
        """Log in to Airflow's API through nginx."""
        login = {"username": "admin", "password": self.deployment.credentials.airflow_ui["admin"]}
        base = f"{self.deployment.url}/airflow"
        answer = httpx.post(f"{base}/auth/token", json=login, verify=self.tls, timeout=60, trust_env=False)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        return httpx.Client(
            base_url=f"{base}/api/v2/", headers=headers, verify=self.tls, timeout=60, trust_env=False
        )

    def users(self) -> None:
        """No process of our images and no worker of nginx runs as root; each has the label, and a closed root."""
        ours = {*PROCESSES}
        for container in self.deployment.containers():
            if container.service in MIGRATIONS:
                continue
            first = psutil.Process(container.pid)
            for process in (first, *first.children(recursive=True)):
                is_root = process.uids().effective == 0
                is_exempt = container.service not in ours and "worker process" not in " ".join(process.cmdline())
                require(not is_root or is_exempt, f"{container.service} runs {process.cmdline()} as root")
            if container.service in ours:
                labels = container.described["Config"]["Labels"]
                require(
                    labels["org.opencontainers.image.revision"], f"{container.service}: no commit in the label"
                )
                require(container.described["HostConfig"]["ReadonlyRootfs"], f"{container.service} can be written")

    def ports(self) -> None:
        """Only nginx is published."""
        published = {
            container.service: container.described["HostConfig"]["PortBindings"]
            for container in self.deployment.containers()
            if container.described["HostConfig"]["PortBindings"]
        }
        require(published.keys() == {"nginx"}, f"published: {published}")
        addresses = {each["HostIp"] for bindings in published["nginx"].values() for each in bindings}
        require(addresses == {"127.0.0.1"}, f"nginx listens on {addresses}")

    def secrets(self) -> None:
        """No secret is in what the engine says of containers and images, or in a log, or in a process list."""
        known = json.loads((self.deployment.secrets / "secrets.json").read_text(encoding="utf-8"))
        every = {f"{section} {name}": value for section, part in known.items() for name, value in part.items()}
        places = {"the logs": self.deployment.compose("logs", "--no-color")}
        for container in self.deployment.containers():
            places[f"docker inspect {container.service}"] = json.dumps(container.described)
            image = container.described["Image"]
            places[f"docker history of {container.service}"] = self.deployment.docker(
                "history", "--no-trunc", image
            )
            if container.service not in MIGRATIONS:
                first = psutil.Process(container.pid)
                lines = [" ".join(each.cmdline()) for each in (first, *first.children(recursive=True))]
                places[f"the process list of {container.service}"] = "\n".join(lines)
        for volume in ("logs",):
            for path in self.volume(volume).rglob("*"):
                if path.is_file():
                    places[str(path)] = path.read_text(encoding="utf-8", errors="replace")
        for where, text in places.items():
            found = [name for name, value in every.items() if value in text]
            require(not found, f"{found} in {where}")

    def volume(self, name: str) -> Path:
        """Return where a volume is on the host."""
        described = self.deployment.docker("volume", "inspect", f"atdb-test_{name}")
        return Path(json.loads(described)[0]["Mountpoint"])

    def demo(self) -> None:
        """The demo's schedule goes to its end."""
        schedule = read_schedule(EXAMPLE)
        begin = datetime.now(UTC) + timedelta(seconds=30)
        with self.client("astronomer") as atdb:
            shifted = replay.shifted(schedule, begin, replay.default_speedup(schedule))
            submitted = [atdb.create_observation(each) for each in shifted]
            self.arrive(atdb, {each.taskID for each in submitted}, {Status.REMOVED, Status.COMPLETED})

    def arrive(self, atdb: Client, task_ids: set[str], ends: set[Status]) -> list[Observation]:
        """Wait until all have arrived, as long as any of them moves."""
        before, since = None, time.monotonic()
        while True:
            found = [each for each in atdb.observations() if each.taskID in task_ids]
            states = {each.taskID: each.my_status for each in found}
            if set(states.values()) <= ends and len(states) == len(task_ids):
                return found
            if states != before:
                before, since = states, time.monotonic()
            left = {task_id: str(status) for task_id, status in states.items() if status not in ends}
            reasons = [f"{each.taskID}: {each.status_history[-1].reason}" for each in found if each.taskID in left]
            require(time.monotonic() - since < 300, f"nothing moves any more: {left} {reasons}")
            time.sleep(2)

    def report(self) -> None:
        """The night's report is made by Airflow, and read in ATDB."""
        with self.airflow() as airflow:
            run = {"logical_date": None, "conf": {}}
            made = airflow.post("dags/night_report/dagRuns", json=run).raise_for_status().json()["dag_run_id"]
            while (state := airflow.get(f"dags/night_report/dagRuns/{made}").json()["state"]) in (
                "queued",
                "running",
            ):
                time.sleep(2)
        require(state == "success", f"night_report ended {state}")
        with self.client() as atdb, httpx.Client(verify=self.tls, trust_env=False) as http:
            login = ("operator", self.deployment.credentials.atdb["operator"])
            found = http.get(f"{self.deployment.url}/atdb/night-reports/", auth=login).raise_for_status().json()
            require(found["results"], f"no report is stored: {found}, {atdb.count_observations()} observations")

    def pages(self) -> None:
        """Both GUIs let people in, in Chromium; nginx serves their files itself."""
        for path in ("/static/atdb.svg", "/bootstrap/static/css/bootstrap.min.css"):
            answer = httpx.get(f"{self.deployment.url}{path}", verify=self.tls, trust_env=False).raise_for_status()
            require("max-age=300" in answer.headers["Cache-Control"], f"{path} does not come from nginx")
        log_in_to_both(self.deployment.url, self.deployment.credentials)

    def slow_clients(self) -> None:
        """Requests that are never finished keep nobody waiting."""
        address = ("localhost", self.deployment.port)
        open_sockets = []
        for _ in range(SLOW_CLIENTS):
            sock = self.tls.wrap_socket(socket.create_connection(address), server_hostname="localhost")
            sock.sendall(b"POST /atdb/observations/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
            open_sockets.append(sock)
        with httpx.Client(verify=self.tls, trust_env=False, timeout=10) as http:
            for _ in range(50):
                began = time.monotonic()
                http.get(f"{self.deployment.url}/atdb/health").raise_for_status()
                seconds = time.monotonic() - began
                require(seconds < 1, f"others waited {seconds:.1f} s")
        for sock in open_sockets:
            sock.close()

    def urgent(self) -> None:
        """While a hundred ingests wait for the workers, observations start in time."""
        with self.client() as atdb:
            atdb.change_stage(Actor.INGEST, paused=True, reason="so that ingests wait")
            begin = datetime.now(UTC) + timedelta(minutes=3)
            bulk = {
                self.observation(atdb, begin + timedelta(seconds=3 * place), 1) for place in range(QUEUED_INGESTS)
            }
            self.arrive(atdb, bulk, {Status.VALID})
            begin = datetime.now(UTC) + timedelta(seconds=45)
            urgent = {
                self.observation(atdb, begin + timedelta(seconds=4 * place), 2) for place in range(OBSERVATIONS)
            }
            atdb.change_stage(Actor.INGEST, paused=False, reason="now all at once")
            for made in self.arrive(atdb, bulk | urgent, {Status.REMOVED}):
                steps = {str(step.name): step.timestamp for step in made.status_history}
                late = (steps["running"] - made.starttime).total_seconds()
                require(
                    made.taskID in bulk or late < LATEST_START_SECONDS, f"{made.taskID} started {late:.0f} s late"
                )

    def kills(self) -> None:
        """Every container's first process is killed, once during an ingest and once during an observation."""
        victims = [each.service for each in self.deployment.containers() if each.service not in MIGRATIONS]
        with self.client() as atdb:
            task_ids = set(self.submit(atdb, OBSERVATIONS))
            for status in (Status.INGESTING, Status.RUNNING):
                for service in sorted(victims):
                    if not self.await_status(atdb, status):
                        task_ids |= set(self.submit(atdb, 2))
                        require(self.await_status(atdb, status), f"no observation came to {status}")
                    self.kill_and_await(service, str(status))
            print(f"  the network of worker is cut for {CUT_SECONDS:.0f} s", flush=True)
            task_ids |= set(self.submit(atdb, 2))
            self.cut("worker")
            print("  the whole stack is restarted", flush=True)
            self.deployment.compose("restart")
            self.deployment.await_healthy()
            self.judge(atdb, self.arrive(atdb, task_ids, {Status.REMOVED}))

    def kill_and_await(self, service: str, during: str) -> None:
        """Kill, and see that the engine alone brings the container back."""
        before, began = self.deployment.container(service).started, time.monotonic()
        self.deployment.kill(service)
        while self.deployment.container(service).started == before:
            require(time.monotonic() - began < 120, f"{service} was not started again")
            time.sleep(0.5)
        self.deployment.await_healthy()
        print(
            f"  {service:<22} killed during {during:<10} all healthy after {time.monotonic() - began:4.0f} s",
            flush=True,
        )

    def cut(self, service: str) -> None:
        """Take a container off its network for a while."""
        network, container = "atdb-test_back", self.deployment.container(service).id
        self.deployment.docker("network", "disconnect", network, container)
        time.sleep(CUT_SECONDS)
        self.deployment.docker("network", "connect", "--alias", service, network, container)

    def submit(self, atdb: Client, number: int) -> Iterator[str]:
        """Submit observations that start one soon after the other, the first in three minutes."""
        start = datetime.now(UTC) + timedelta(minutes=3)
        for place in range(number):
            yield self.observation(atdb, start + timedelta(seconds=40 * place), 30)

    def observation(self, atdb: Client, start: datetime, seconds: int) -> str:
        """Submit one observation, and return its taskID."""
        made = atdb.create_observation(
            {
                "field_name": "TRIAL",
                "observing_mode": "imaging",
                "starttime": start.isoformat(),
                "duration": seconds,
                "data_location": "wcudata1:/data/apertif",
            }
        )
        return str(made.taskID)

    def await_status(self, atdb: Client, status: Status) -> bool:
        """Wait until any observation has a status; False if none does for five minutes."""
        deadline = time.monotonic() + 300
        while not atdb.count_observations(my_status=status):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def judge(self, atdb: Client, observations: list[Observation]) -> None:
        """Every product is in the archive with its checksum, and on no data disk."""
        archive, number = self.volume("archive"), 0
        for observation in observations:
            for product in atdb.dataproducts(taskID=observation.taskID):
                number += 1
                require(product.archive_copy, f"{observation.taskID} {product.filename} has no copy")
                place = str(product.archive_copy).removeprefix("file:///var/lib/atdb/archive/")
                require(product_checksum(records_of(archive / place)) == product.checksum, f"{place} differs")
                left = list(self.volume("data").rglob(product.filename))
                require(not left, f"{left} was not removed")
        require(number >= len(observations), f"{number} products of {len(observations)} observations")
        print(f"  {len(observations)} observations, {number} products, all in the archive", flush=True)


def main() -> None:
    """Run the steps, and say how long each took; the first that fails ends it with its reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--only", help="the steps, separated by commas")
    only = parser.parse_args().only
    steps = ("users", "ports", "slow_clients", "pages", "demo", "report", "urgent", "kills", "secrets")
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(Path(folder), TELESCOPE_PRODUCT_BYTES=str(PRODUCT_BYTES), ATDB_RETRY_SECONDS="1") as deployment,
    ):
        timed("build", lambda: deployment.compose("build", "-q", "migrate", "migrate-airflow"))
        timed("up", lambda: deployment.compose("up", "--detach", "--no-build"))
        timed("healthy", deployment.await_healthy)
        trial = Trial(deployment)
        for step in only.split(",") if only else steps:
            timed(step, getattr(trial, step))
    print("All is well.")


def timed(name: str, act: Callable[[], object]) -> None:
    """Do it, and print how long it took."""
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    act()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
