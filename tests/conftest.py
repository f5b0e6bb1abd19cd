"""A real PostgreSQL for all tests, and for each test its own database behind a real HTTP server."""

import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import make_url
from werkzeug.serving import make_server
from xdist.scheduler import LoadScopeScheduling

from atdb_api import create_app
from atdb_api.config import Config, Overlaps, SpecificationRules
from atdb_api.database import transaction
from atdb_api.schema.migrations import alembic_config
from atdb_api.services import accounts
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import STEPS, Status
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from standalone.credentials import Credentials
from standalone.settings import HOST, Settings
from standalone.stack import database
from tests.advancing import advance
from tests.specifications import COORDINATES

SECRETS = {str(role): f"secret-of-the-{role}-in-these-tests" for role in Role}
#: The port and the state folder of a server that several runs of tests share: `make mutate` sets it.
SHARED_POSTGRES = "ATDB_TESTS_POSTGRES"
SCHEDULES = Path(__file__).parents[2] / "shared" / "schedules"


def free_ports(number: int) -> list[int]:
    """Return ports that stay free: below the range that the system uses for outgoing connections."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < number:
            probe, port = held.enter_context(socket.socket()), random.randrange(10_000, 32_000)
            with suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
        return ports


@pytest.fixture
def real_schedules() -> Path:
    """The Apertif schedules of 2019, which are not part of the project."""
    if not SCHEDULES.is_dir():
        pytest.skip("the real schedules are not beside this checkout")
    return SCHEDULES


class Postgres:
    """A running PostgreSQL whose database `atdb` is a migrated template."""

    def __init__(self, state: Path, port: int | None = None) -> None:
        self.settings = Settings(state=state, postgres_port=port or free_ports(1)[0])
        self.credentials = Credentials.prepare(self.settings.credentials)
        self._names = (f"test{os.getpid()}_{number}" for number in count(1))
        self._databases: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        database.initialise(self.settings, self.credentials)

    def start(self, *, fsync: bool = False) -> None:
        owner = database.account()
        self._process = subprocess.Popen(
            [*database.server_command(self.settings), "-c", f"fsync={'on' if fsync else 'off'}"],
            user=owner and owner.pw_uid,
            group=owner and owner.pw_gid,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 90
        while reason := database.unready(self.settings, self.credentials):
            assert time.monotonic() < deadline, reason
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is None:
            pytest.skip("other runs of tests use this server")
        self._process.send_signal(2)
        self._process.wait(20)

    def prepare_atdb(self) -> None:
        """Create the roles and the database, and upgrade it."""
        database.prepare_owner(self.settings, self.credentials, "atdb")
        database.prepare_application(self.settings, self.credentials)
        database.prepare_reader(self.settings, self.credentials)
        database.prepare_login(self.settings, self.credentials, "maintenance", database="atdb")
        command.upgrade(alembic_config(self.url("atdb", "atdb_owner")), "head")

    def url(self, name: str = "atdb", role: str = "atdb") -> str:
        return database.url(self.settings, self.credentials, role, name)

    def owner_url(self, url: str) -> str:
        """Return the URL with which the owner connects to the database of another URL."""
        return self.url(make_url(url).database or "", "atdb_owner")

    def new_database(self) -> str:
        """Copy the template, and return the new database's URL with the API's role."""
        name = next(self._names)
        self._databases.append(name)
        with closing(database.connect(self.settings, self.credentials)) as opened, opened.cursor() as cursor:
            cursor.execute(f"create database {name} template atdb owner atdb_owner")
            cursor.execute(f"grant connect on database {name} to atdb")
        return self.url(name)

    def drop_databases(self) -> None:
        """Drop the databases that this run has created."""
        with closing(database.connect(self.settings, self.credentials)) as opened, opened.cursor() as cursor:
            for name in self._databases:
                cursor.execute(f"drop database if exists {name} with (force)")

    def prepare_template(self) -> None:
        """Create the database of which each test gets a copy: with an account of each role."""
        self.prepare_atdb()
        template = create_app(Config(database_url=self.url()))
        with template.app_context(), transaction() as session:
            for role, secret in SECRETS.items():
                accounts.put(session, role, role=Role(role), password=secret, actor="tests")
        template.extensions["atdb_engine"].dispose()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    if shared := os.environ.get(SHARED_POSTGRES):
        port, _, state = shared.partition(":")
        server = Postgres(Path(state), int(port))
        yield server
        server.drop_databases()
        return
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    server.prepare_template()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def airflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow's API without its other processes; all tests share its taskIDs and run ids.

    It has its own PostgreSQL, because other tests drop Airflow's database or delete its runs.
    """
    from tests.airflow_serving import serve_airflow

    server = Postgres(tmp_path_factory.mktemp("postgres-of-airflow"))
    server.start()
    try:
        with serve_airflow(server) as airflow:
            yield airflow
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """The URL of a new database, with the API's role."""
    return postgres.new_database()


@pytest.fixture
def owner_url(postgres: Postgres, database_url: str) -> str:
    """The URL of the same database, with its owner's role."""
    return postgres.owner_url(database_url)


@pytest.fixture
def specification_rules() -> SpecificationRules:
    """The site's rules: with fixed times, a test knows the taskIDs that it creates."""
    return SpecificationRules(overlaps=Overlaps.WARN, accepts_past_starts=True)


@pytest.fixture
def app(database_url: str, specification_rules: SpecificationRules) -> Iterator[Flask]:
    application = create_app(
        Config(database_url=database_url, reports_account="pipeline", specification_rules=specification_rules)
    )
    yield application
    application.extensions["atdb_engine"].dispose()


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """The URL of a running ATDB with an empty database."""
    with listening(app) as port:
        yield f"http://{HOST}:{port}"


@contextmanager
def listening(app: Flask, port: int = 0) -> Iterator[int]:
    """Serve an application in this process, on the given port or a free one."""
    server = make_server(HOST, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, user="admin", secret=SECRETS["admin"], patience=5) as opened:
        yield opened


@pytest.fixture
def worker(url: str) -> Iterator[Client]:
    """A client with the account of tasks, to which the leases of runs belong."""
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as opened:
        yield opened


@pytest.fixture
def of_astronomer(url: str) -> Observation:
    """An observation that the account `astronomer` has created."""
    specification = {
        "field_name": "x",
        "observing_mode": "imaging",
        **COORDINATES,
        "starttime": "2026-07-01T06:00:00Z",
        "duration": 60,
    }
    with Client(url, user="astronomer", secret=SECRETS["astronomer"]) as astronomer:
        return astronomer.create_observation(specification)


@pytest.fixture
def observe(client: Client) -> Callable[..., Observation]:
    """Create an observation, and move it and its products to a status by real moves."""
    starts = (datetime(2026, 4, 5, 6, tzinfo=UTC) + timedelta(minutes=10 * n) for n in count())

    def make(status: Status = Status.DEFINED, *, products: int = 0, **fields: object) -> Observation:
        specification = {
            "field_name": "3C48",
            "observing_mode": "imaging",
            **COORDINATES,
            "starttime": next(starts).isoformat(),
            "duration": 300,
            **fields,
        }
        made = client.create_observation(specification)
        if products:
            client.create_dataproducts(
                [NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}_{n}.fits") for n in range(products)]
            )
        advance(client, made.taskID, route_to(status))
        return client.observation(made.taskID)

    return make


def route_to(status: Status) -> list[Status]:
    """Return the shortest path from defined to a status."""
    routes: dict[Status, list[Status]] = {Status.DEFINED: []}
    fringe = [Status.DEFINED]
    while fringe:
        here = fringe.pop(0)
        for step in STEPS:
            if step.source is here and step.target not in routes:
                routes[step.target] = [*routes[here], step.target]
                fringe.append(step.target)
    return routes[status]


class StacksInOneWorker(LoadScopeScheduling):
    """Assign tests that run a whole stack to one worker, and run them first: two would slow each other down."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith(("tests/e2e/", "tests/rehearsal/")) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StacksInOneWorker:
    return StacksInOneWorker(config, log)
