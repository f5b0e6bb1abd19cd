"""A server with both databases of a stack, and an API that returns everything that it stores."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from flask import Flask

from atdb_api import create_app
from atdb_api.config import Config, SpecificationRules
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import Status
from standalone.settings import HOST
from standalone.stack import database, preparation
from tests.advancing import advance
from tests.conftest import Postgres, listening, route_to
from tests.specifications import COORDINATES

#: Endpoints about the present, not about stored data.
OF_THE_PRESENT = {"atdb.health.health", "atdb.sessions.login_form", "atdb.root", "swagger_ui.show"}
#: Endpoints that need a parameter; they are in DETAILS.
OF_A_CONSUMER = {"atdb.claims.look", "atdb.claims.open_"}
#: Paths with an argument, for the first observation, product and transition.
DETAILS = [
    *("/atdb/claims/?statuses=valid", "/atdb/claims/open/?consumer=validate"),
    *("/atdb/observations/1/", "/atdb/observations/1/why/", "/atdb/dataproducts/1/", "/atdb/status/1/"),
    *("/atdb/stages/ingest/",),
]
#: An age at the moment of the response.
AGE = re.compile(rb'"oldest_age_seconds": \d+')

#: The value of Airflow's encrypted variable.
SECRET = b"a secret of the site"


def stored(app: Flask) -> list[str]:
    """List the URLs of the REST API that show stored data."""
    lists = {
        str(rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and str(rule).startswith("/atdb/")
        and not rule.arguments
        and rule.endpoint not in OF_THE_PRESENT | OF_A_CONSUMER
    }
    return sorted({*lists, *DETAILS})


class Site(Postgres):
    """A separate server with both databases of a stack."""

    def prepare(self) -> None:
        for folder in (self.settings.run, self.settings.logs, self.settings.airflow_home):
            folder.mkdir(exist_ok=True)
        preparation.prepare_atdb(self.settings, self.credentials)
        preparation.prepare_airflow(self.settings, self.credentials)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Log in to ATDB as an admin."""
        rules = SpecificationRules(accepts_past_starts=True)
        app = create_app(Config(database_url=self.url(), specification_rules=rules))
        try:
            with (
                listening(app) as port,
                Client(
                    f"http://{HOST}:{port}", user="admin", secret=self.credentials.atdb["admin"], patience=5
                ) as opened,
            ):
                yield opened
        finally:
            app.extensions["atdb_engine"].dispose()

    def answers(self) -> dict[str, bytes]:
        """Read each URL of the REST API that shows stored data."""
        app = create_app(Config(database_url=self.url()))
        try:
            login = ("admin", self.credentials.atdb["admin"])
            answers = {}
            for path in stored(app):
                answer = app.test_client().get(path, auth=login, headers={"Accept": "application/json"})
                assert answer.status_code == 200, (path, answer.text)
                answers[path] = AGE.sub(b"", answer.data)
            return answers
        finally:
            app.extensions["atdb_engine"].dispose()

    def execute(self, statement: str, role: str = "postgres", name: str | None = None) -> list[tuple[object, ...]]:
        with (
            closing(database.connect(self.settings, self.credentials, role, name)) as opened,
            opened.cursor() as cursor,
        ):
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            opened.commit()
            return rows


def observe(client: Client, status: Status = Status.DEFINED, *, products: int = 0) -> str:
    """Create an observation and its products, move it to a status, and return its taskID."""
    start = datetime(2026, 4, 5, 6, tzinfo=UTC) + timedelta(minutes=10 * len(list(client.observations())))
    made = client.create_observation(
        {
            "field_name": "3C48",
            "observing_mode": "imaging",
            **COORDINATES,
            "starttime": start.isoformat(),
            "duration": 300,
        }
    )
    if products:
        client.create_dataproducts(
            [NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}_{n}.fits") for n in range(products)]
        )
    advance(client, made.taskID, route_to(status))
    return made.taskID


@contextmanager
def running(folder: Path, *statuses: Status) -> Iterator[Site]:
    """Run a site with an observation in each status, and an encrypted variable of Airflow."""
    site = Site(folder)
    site.start()
    try:
        site.prepare()
        with site.client() as client:
            for status in statuses:
                observe(client, status, products=3)
        value = Fernet(site.credentials.airflow_keys["fernet_key"]).encrypt(SECRET).decode()
        site.execute(
            f"insert into variable (key, val, is_encrypted) values ('secret', '{value}', true)", "airflow"
        )
        yield site
    finally:
        site.stop()
