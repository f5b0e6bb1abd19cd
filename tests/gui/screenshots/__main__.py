"""`python -m tests.gui.screenshots FOLDER [SCHEDULE]`: take screenshots of ATDB with sample data.

If a schedule is given, they show its observations, otherwise a made-up week.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from sqlalchemy import make_url

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.services import accounts
from atdb_interface.client import Client
from atdb_interface.roles import Role
from tests.conftest import SECRETS, Postgres
from tests.gui.conftest import CHROMIUM
from tests.gui.screenshots import capture, observatory, replay, week
from tests.gui.screenshots.capture import Camera, Picture
from tests.serving import serve

#: The accounts in the history.
ACCOUNTS = {each: Role(each) for each in ("astronomer", "telescope", "operator")} | {"airflow": Role.PIPELINE}


def main(folder: Path, plan: observatory.Plan) -> None:
    """Take all screenshots again."""
    folder.mkdir(parents=True, exist_ok=True)
    with _postgres() as postgres, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-lcd-text"]
        )
        with _atdb(postgres, partial(observatory.fill, plan)) as (url, clients, filled):
            camera = Camera(chromium, url, folder, before=partial(observatory.give_signs, clients["airflow"]))
            camera.take(Picture("login", "/atdb/login/"), role=None)
            for picture in capture.busy(filled):
                camera.take(picture)
            camera.take(Picture("bulk-preview", capture.many(filled), capture.of_many))
            undo = partial(observatory.hold_no_more, clients["operator"], filled)
            Camera(chromium, url, folder, before=undo).take(
                Picture("bulk-result", capture.many(filled), capture.of_many_done)
            )
        with _atdb(postgres, partial(observatory.fill_calm, plan)) as (url, clients, _):
            camera = Camera(chromium, url, folder, before=partial(observatory.give_signs, clients["airflow"]))
            camera.take(Picture("night-calm", "/night/"))
        chromium.close()
    print(f"{len(list(folder.glob('*.png')))} screenshots are in {folder}")


@contextmanager
def _postgres() -> Iterator[Postgres]:
    """Run a database server whose database `atdb` is a template with the accounts of the tests."""
    with TemporaryDirectory(prefix="atdb-screenshots-") as state:
        server = Postgres(Path(state))
        server.start()
        try:
            server.prepare_atdb()
            template = create_app(Config(database_url=server.url()))
            with template.app_context(), transaction() as session:
                for name, role in ACCOUNTS.items():
                    accounts.put(session, name, role=role, password=SECRETS[role], actor="tests")
            template.extensions["atdb_engine"].dispose()
            yield server
        finally:
            server.stop()


@contextmanager
def _atdb(
    postgres: Postgres, fill: observatory.Fill
) -> Iterator[tuple[str, observatory.Clients, observatory.Observatory]]:
    """Run an ATDB with its own database; yield its URL, the logged-in pages, and its sample data."""
    address = postgres.new_database()
    superuser = make_url(address).set(
        drivername="postgresql", username="postgres", password=postgres.credentials.postgresql["postgres"]
    )
    with serve(postgres, address) as served, ExitStack() as opened:
        clients = {
            name: opened.enter_context(Client(served.url, user=name, secret=SECRETS[role]))
            for name, role in ACCOUNTS.items()
        }
        filled = fill(clients, superuser.render_as_string(hide_password=False), datetime.now(UTC))
        yield served.url, clients, filled


if __name__ == "__main__":
    folder, *schedule = map(Path, sys.argv[1:])
    main(folder, partial(replay.planned, schedule[0]) if schedule else week.planned)
