"""The whole stack, shared by all end-to-end tests: PostgreSQL, ATDB, Airflow and the telescope simulator.

It stops after the last of these tests: even an idle stack takes a third of a core from other tests.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from atdb_interface.client import Client
from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack.stack import Stack
from tests.conftest import free_ports
from tests.specifications import RULES


@pytest.fixture(scope="package")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    atdb, airflow, telescope, postgres = free_ports(4)
    return Settings(
        state=tmp_path_factory.mktemp("stack"),
        atdb_port=atdb,
        airflow_port=airflow,
        telescope_port=telescope,
        postgres_port=postgres,
        product_bytes=1 << 16,
    )


@pytest.fixture(scope="package")
def stack(settings: Settings) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ATDB_RETRY_SECONDS", "0.1")  # five retries end after seconds
        for name, value in RULES.items():
            environment.setenv(name, value)
        running = Stack(settings, say=print)
        running.start()
        threading.Thread(target=running.wait, daemon=True).start()  # as `make up` does
        yield running
        running.stop()


@pytest.fixture(scope="package")
def credentials(stack: Stack) -> Credentials:
    return Credentials.prepare(stack.settings.credentials)


@pytest.fixture
def atdb(stack: Stack, credentials: Credentials) -> Iterator[Client]:
    with Client(stack.settings.atdb_url, user="operator", secret=credentials.atdb["operator"]) as client:
        yield client


@pytest.fixture
def airflow(stack: Stack, credentials: Credentials) -> Iterator[httpx.Client]:
    """Airflow's REST API, as its operators' pages use it."""
    login = {"username": "admin", "password": credentials.airflow_ui["admin"]}
    token = httpx.post(f"{stack.settings.airflow_url}/auth/token", json=login).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{stack.settings.airflow_url}/api/v2/", headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
def commands(stack: Stack, credentials: Credentials, tmp_path: Path) -> dict[str, str]:
    """The environment of an astronomer's command line."""
    config = tmp_path / "config.toml"
    secret = credentials.atdb["astronomer"]
    config.write_text(
        f'[hosts.prod]\nurl = "{stack.settings.atdb_url}"\nuser = "astronomer"\nsecret = "{secret}"\n'
    )
    return {**os.environ, "ATDB_CONFIG": str(config), **stack.settings.as_environment()}
