"""A separate stack for each test: a state folder and ports that nothing else uses."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from standalone.credentials import Credentials
from standalone.settings import HOST, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(4)]
        for probe in probes:
            probe.bind((HOST, 0))
        atdb, airflow, telescope, postgres = (probe.getsockname()[1] for probe in probes)
    return Settings(
        state=tmp_path.resolve(),
        atdb_port=atdb,
        airflow_port=airflow,
        telescope_port=telescope,
        postgres_port=postgres,
    )


@pytest.fixture
def credentials(settings: Settings) -> Credentials:
    return Credentials.prepare(settings.credentials)
