"""A running ATDB with its database, its disks, its archive and its accounts, for one walk."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.services import accounts
from atdb_interface.client import Client, sync_connection
from atdb_interface.lifecycle import Status
from atdb_interface.roles import Role
from atdb_plugins.archive.identity import MARKER
from tests import serving
from tests.conftest import SECRETS, Postgres
from tests.property.scene import Disk, Scene
from tests.specifications import COORDINATES

#: The account of the DAGs. The walk has other accounts.
STAGES = "stages"
_SECRET = "secret-of-the-stages-in-these-tests"
_START = datetime(2026, 4, 5, 6, tzinfo=UTC)
_MODES = {"imaging": "wcudata1", "arts_sc1": "arts001"}


@dataclass
class Task:
    """An observation of the walk. `run`: the DAG run that works on it; `kept`: data to restore by product."""

    task_id: str
    id: int
    products: dict[str, str]
    born: int
    run: int = 1
    kept: dict[str, dict[str, bytes]] = field(default_factory=dict)


class World:
    """Create observations in a running ATDB. `client`: with the account of the pipeline."""

    def __init__(self, url: str, database: str, base: Path) -> None:
        self.url, self.database, self.scene = url, database, Scene(base)
        for folder in (self.scene.data_root, self.scene.archive_mount, self.scene.parking, self.scene.outside):
            folder.mkdir(parents=True)
        (self.scene.outside / "folder").mkdir()
        (self.scene.outside / "file").write_bytes(b"outside")
        (self.scene.outside / "folder" / "file").write_bytes(b"also outside")
        for host in _MODES.values():
            path = self.scene.data_root / host
            path.mkdir()
            self.scene.disks.append(Disk(host, "main", path))
        (self.scene.archive_mount / MARKER).write_text("new")
        self.client = Client(url, user=STAGES, secret=_SECRET)
        self.admin = Client(url, user="admin", secret=SECRETS["admin"])
        self.astronomer = Client(url, user="astronomer", secret=SECRETS["astronomer"])
        self._number = 0

    def specify(self, mode: str, products: list[dict[str, object]], *, folder: str | None, born: int) -> Task:
        """Create an observation with products, and move it to completing as the telescope does."""
        self._number += 1
        start = _START + timedelta(minutes=10 * self._number)
        fields: dict[str, object] = {"data_location": f"{_MODES[mode]}:{folder}"} if folder else {}
        made = self.astronomer.create_observation(
            {
                "field_name": "3C48",
                "observing_mode": mode,
                **COORDINATES,
                "starttime": start.isoformat(),
                "duration": 300,
                **fields,
            }
        )
        rows = self.client.create_dataproducts(
            [each | {"taskID": made.taskID, "filename": f"{made.taskID}_{each['filename']}"} for each in products]
        )
        for status in (Status.SCHEDULED, Status.STARTING, Status.RUNNING, Status.COMPLETING):
            self.client.move(made.taskID, status)
        return Task(made.taskID, made.id, {row.filename: row.data_location for row in rows}, born)

    def path(self, filename: str, location: str, *, aside: bool = True) -> Path:
        """Return where a product is on the main disk of its host, also while a removal has renamed it aside."""
        host, _, folder = location.partition(":")
        disk = self.scene.mounted(host)
        path = disk.path / folder.lstrip("/") / filename
        if aside and not os.path.lexists(path) and path.parent.is_dir():
            for entry in sorted(path.parent.glob(f".{filename}.*.removing")):
                return entry
        return path

    def close(self) -> None:
        self.client.close()
        self.admin.close()
        self.astronomer.close()


@contextmanager
def running_world(postgres: Postgres, base: Path) -> Iterator[World]:
    """Serve an ATDB on a new database, with a folder for its disks and its archive."""
    url = postgres.new_database()
    app = create_app(Config(database_url=url))
    with app.app_context(), transaction() as session:
        accounts.put(session, STAGES, role=Role.PIPELINE, password=_SECRET, actor="tests")
    app.extensions["atdb_engine"].dispose()
    owner = make_url(postgres.owner_url(url)).set(drivername="postgresql")
    with serving.serve(postgres, url) as served:
        world = World(served.url, owner.render_as_string(hide_password=False), base)
        login = {"conn_type": "atdb", "host": served.url, "login": STAGES, "password": _SECRET}
        archive = {"conn_type": "generic", "extra": {"url": world.scene.archive_mount.as_uri()}}
        os.environ["AIRFLOW_CONN_ATDB_DEFAULT"] = json.dumps(login)
        os.environ["AIRFLOW_CONN_ARCHIVE_DEFAULT"] = json.dumps(archive)
        os.environ["ATDB_DATA_ROOT"] = str(world.scene.data_root)
        sync_connection.sleep = lambda _: None  # type: ignore[attr-defined]
        try:
            yield world
        finally:
            with suppress(Exception):
                world.close()
