"""A served ATDB: behind the HTTP server that the stack has."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest

from standalone.programs import program
from tests.conftest import Postgres, free_ports


@dataclass
class Served:
    """A running server: where it is, and its first process."""

    url: str
    process: psutil.Process

    def memory_bytes(self) -> int:
        """Tell how much memory its processes hold."""
        return sum(each.memory_info().rss for each in (self.process, *self.process.children()))


@pytest.fixture
def served(postgres: Postgres, tmp_path: Path) -> Iterator[Served]:
    """ATDB behind gunicorn, as the stack runs it."""
    settings = replace(postgres.settings, atdb_port=free_ports(1)[0])
    api = program("api", settings, postgres.credentials)
    own = {"PATH": os.environ["PATH"], "ATDB_DATABASE_URL": postgres.new_database()}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(api.command, env=api.environment | own, stdout=log, stderr=subprocess.STDOUT)
    url = settings.atdb_url
    deadline = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(f"{url}/atdb/health/").status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
    yield Served(url, psutil.Process(server.pid))
    server.terminate()
    server.wait(30)
