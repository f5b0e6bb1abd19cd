"""ATDB behind the HTTP server of the stack, for tests that need more than the application itself."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

import httpx
import psutil

from standalone.stack.programs import program
from tests.conftest import Postgres, free_ports
from tests.specifications import RULES


@dataclass(frozen=True)
class Served:
    """A running server: its URL, and its first process."""

    url: str
    process: psutil.Process

    def memory_bytes(self) -> int:
        """Return the memory of its processes, in bytes."""
        return sum(each.memory_info().rss for each in (self.process, *self.process.children()))


@contextmanager
def serve(
    postgres: Postgres, database_url: str, *, output: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[Served]:
    """Run the server on a database, as the stack does; it has responded once. `output`: for its access log."""
    settings = replace(postgres.settings, atdb_port=free_ports(1)[0])
    api = program("api", settings, postgres.credentials)
    server = subprocess.Popen(
        api.command,
        env=api.environment | {"PATH": os.environ["PATH"], "ATDB_DATABASE_URL": database_url} | RULES,
        stdout=output,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not _is_well(settings.atdb_url):
            assert time.monotonic() < deadline
            assert server.poll() is None
            time.sleep(0.05)
        yield Served(settings.atdb_url, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(30)


def _is_well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/atdb/health/").is_success
    except httpx.HTTPError:
        return False
