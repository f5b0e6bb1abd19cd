"""`python -m tests.gui.screenshots FOLDER`: start a database and ATDB, fill them, take all pictures, stop them."""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from playwright.sync_api import sync_playwright
from sqlalchemy import make_url
from werkzeug.serving import make_server

from atdb_api import create_app
from atdb_api.commands import alembic_config
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.roles import role_named
from atdb_api.services import accounts
from atdb_interface.client import Client
from standalone import database
from standalone.settings import HOST
from tests.conftest import SECRETS, Postgres
from tests.gui.conftest import CHROMIUM
from tests.gui.screenshots import observatory, taking

#: The names that stand in the history.
ACCOUNTS = dict.fromkeys(("airflow", "astronomer", "telescope"), "service") | {"operator": "operator"}
_AIRFLOW = "http://127.0.0.1:8080"


def main(folder: Path) -> None:
    """Take all pictures anew."""
    folder.mkdir(parents=True, exist_ok=True)
    with _postgres() as postgres, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-lcd-text"]
        )
        with _atdb(postgres, observatory.fill) as (url, week):
            camera = taking.Camera(chromium, url, folder)
            camera.take(taking.Picture("login", "/atdb/login/"), role=None)
            for picture in taking.busy(week):
                camera.take(picture)
            camera.take(taking.Picture("bulk-preview", taking.MANY, taking.of_many))
        with _atdb(postgres, observatory.fill_calm) as (url, _):
            taking.Camera(chromium, url, folder).take(taking.Picture("night-calm", "/night/"))
        chromium.close()
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder}")


@contextmanager
def _postgres() -> Iterator[Postgres]:
    """Run a database server of which `atdb` is a template with our accounts."""
    with TemporaryDirectory(prefix="atdb-screenshots-") as state:
        server = Postgres(Path(state))
        server.start()
        try:
            database.prepare_owner(server.settings, server.credentials, "atdb")
            command.upgrade(alembic_config(server.url()), "head")
            template = create_app(Config(database_url=server.url()))
            with template.app_context(), transaction() as session:
                for name, role in ACCOUNTS.items():
                    accounts.put(session, name, role=role_named(role), password=SECRETS[role], actor="tests")
            template.extensions["atdb_engine"].dispose()
            yield server
        finally:
            server.stop()


@contextmanager
def _atdb(postgres: Postgres, fill: observatory.Fill) -> Iterator[tuple[str, observatory.Observatory]]:
    """Run an ATDB with a database of its own; its address, and what it was filled with."""
    address = postgres.new_database()
    app = create_app(Config(database_url=address, airflow_url=_AIRFLOW))
    server = make_server(HOST, 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://{HOST}:{server.server_port}"
    superuser = make_url(address).set(
        drivername="postgresql", username="postgres", password=postgres.credentials.postgresql["postgres"]
    )
    try:
        with ExitStack() as opened:
            clients = {
                name: opened.enter_context(Client(url, user=name, secret=SECRETS[role]))
                for name, role in ACCOUNTS.items()
            }
            yield url, fill(clients, superuser.render_as_string(hide_password=False), datetime.now(UTC))
    finally:
        server.shutdown()
        server.server_close()
        app.extensions["atdb_engine"].dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
