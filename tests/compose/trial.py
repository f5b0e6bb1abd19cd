"""Tools for the steps of the trial: clients through nginx, observations, and checks of their results."""

import json
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import psutil

from atdb_interface.client import Client
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.product_files import size_and_checksum
from tests.compose.deployment import PROJECT, Deployment
from tests.kills.flow import NORMAL_ROUTE
from tests.specifications import COORDINATES


class Failed(AssertionError):
    """A check of the trial failed."""


def require(holds: object, sentence: str) -> None:
    """Raise Failed with a message if a condition is false."""
    if not holds:
        raise Failed(sentence)


def processes_of(pid: int) -> list[tuple[psutil.Process, str]]:
    """List a process and those below it, with their command lines, without those that end meanwhile."""
    first, processes = psutil.Process(pid), []
    for process in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            processes.append((process, " ".join(process.cmdline())))
    return processes


class Trial:
    """One deployment, seen from outside."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._numbers = count()

    def trusted(self) -> ssl.SSLContext:
        """Return an SSL context that trusts only the deployment's certificate."""
        return ssl.create_default_context(cafile=str(self.deployment.certificate))

    def client(self, account: str = "operator") -> Client:
        """Log in through nginx, over TLS."""
        os.environ["SSL_CERT_FILE"] = str(self.deployment.certificate)
        secret = self.deployment.credentials.atdb[account]
        return Client(self.deployment.url, user=account, secret=secret, patience=300)

    def airflow(self) -> httpx.Client:
        """Log in to Airflow's API through nginx."""
        login = {"username": "admin", "password": self.deployment.credentials.airflow_ui["admin"]}
        base = f"{self.deployment.url}/airflow"
        answer = httpx.post(f"{base}/auth/token", json=login, verify=self.trusted(), timeout=60, trust_env=False)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        return httpx.Client(
            base_url=f"{base}/api/v2/", headers=headers, verify=self.trusted(), timeout=60, trust_env=False
        )

    def volume(self, name: str) -> Path:
        """Return the folder of a volume on the host."""
        described = self.deployment.docker("volume", "inspect", f"{PROJECT}_{name}")
        return Path(json.loads(described)[0]["Mountpoint"])

    def submit(self, atdb: Client, number: int) -> Iterator[str]:
        """Submit observations that start shortly after each other, the first in a minute."""
        start = datetime.now(UTC) + timedelta(minutes=1)
        for place in range(number):
            yield self.observation(atdb, start + timedelta(seconds=40 * place), 30)

    def observation(self, atdb: Client, start: datetime, seconds: int) -> str:
        """Submit one observation, and return its taskID."""
        made = atdb.create_observation(
            {
                "field_name": f"TRIAL_{next(self._numbers)}",
                "observing_mode": "imaging",
                **COORDINATES,
                "starttime": start.isoformat(),
                "duration": seconds,
                "data_location": "wcudata1:/data/apertif",
            }
        )
        return str(made.taskID)

    def await_status(self, atdb: Client, status: Status, task_ids: set[str]) -> None:
        """Wait until an observation has a status; submit two more whenever none can still reach it."""
        on_its_way = [Status(each) for each in NORMAL_ROUTE[: NORMAL_ROUTE.index(status)]]
        deadline = time.monotonic() + 900
        while not atdb.count_observations(my_status=status, taskID__in=sorted(task_ids)):
            require(time.monotonic() < deadline, f"no observation became {status} in time")
            if not atdb.count_observations(my_status__in=on_its_way, taskID__in=sorted(task_ids)):
                task_ids |= set(self.submit(atdb, 2))
            time.sleep(0.2)

    def arrive(
        self, atdb: Client, task_ids: set[str], ends: set[Status], seconds: float = 300
    ) -> list[Observation]:
        """Wait until all have reached their final status; fail if none progresses for some seconds."""
        before, since = None, time.monotonic()
        while True:
            observations = [each for each in atdb.observations() if each.taskID in task_ids]
            left = {each.taskID: each for each in observations if each.my_status not in ends}
            if not left and len(observations) == len(task_ids):
                return observations
            products = [
                atdb.count_dataproducts(taskID__in=list(left), my_status=status) for status in ProductStatus
            ]
            states = {each.taskID: each.my_status for each in observations}
            if (states, products) != before:
                before, since = (states, products), time.monotonic()
            seen = [f"{each.taskID} {each.my_status} {each.status_history[-1].reason}" for each in left.values()]
            require(
                time.monotonic() - since < seconds, f"no observation has progressed for {seconds:.0f} s: {seen}"
            )
            time.sleep(2)

    def judge(self, atdb: Client, observations: list[Observation]) -> None:
        """Check that each product is in the archive with its checksum, and on no data disk."""
        archive, number = self.volume("archive"), 0
        for observation in observations:
            for product in atdb.dataproducts(taskID=observation.taskID):
                number += 1
                require(
                    product.archive_copy, f"{observation.taskID} {product.filename} has no copy in the archive"
                )
                place = str(product.archive_copy).removeprefix("file:///var/lib/atdb/archive/")
                require(size_and_checksum(archive / place)[1] == product.checksum, f"{place} differs")
                left = list(self.volume("data").rglob(product.filename))
                require(not left, f"{left} was not removed")
        require(number >= len(observations), f"{number} products of {len(observations)} observations")
        print(f"  {len(observations)} observations, {number} products, all in the archive", flush=True)
