"""Upgrades, downgrades and upgrades again with data in the tables; a dump is equivalent to the original."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.schema.migrations import alembic_config
from atdb_api.services import accounts
from atdb_interface.actions import Action
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from standalone.stack import database
from tests.conftest import SECRETS, Postgres

REPOSITORY = Path(__file__).parents[2]
READS = (
    "observations/?page_size=1000",
    "observations/?my_status__in=valid,on hold&ordering=-starttime",
    "dataproducts/?size__gt=1",
    "status/?name=running",
    "status/?dataproduct__isnull=false",
    "summary/?group_by=my_status,day",
    "changes/",
)


def reads(database_url: str) -> list[Any]:
    """Send the same requests to the API on a database."""
    app = create_app(Config(database_url=database_url))
    http = app.test_client()
    answers = [http.get(f"/atdb/{path}", auth=("viewer", SECRETS["viewer"])) for path in READS]
    app.extensions["atdb_engine"].dispose()
    assert [answer.status_code for answer in answers] == [200] * len(READS)
    results: list[Any] = [answer.json for answer in answers]
    for group in results[5]["groups"]:
        del group["oldest_age_seconds"]
    return results


@pytest.fixture
def filled(client: Client, observe: Callable[..., Observation]) -> None:
    read = observe(Status.COMPLETING, products=1)
    client.move(read.taskID, Status.CHECKING, owner="validate/1", lease_seconds=3600)
    client.change_dataproduct(
        read.generated_dataproducts[0], new_status="valid", size=7, checksum="ab" * 32, owner="validate/1"
    )
    for status in (Status.DEFINED, Status.VALID, Status.ON_HOLD, Status.REMOVED):
        made = observe(status, products=2)
        client.change_dataproduct(made.generated_dataproducts[0], quality="good")
        client.change_observation(made.id, node="wcudata2", reason="disk full")


def alembic(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "alembic", *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "ATDB_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_alembic_goes_up_checks_goes_down_and_up_again_with_data(
    database_url: str, owner_url: str, filled: None
) -> None:
    before = reads(database_url)
    for arguments in (("upgrade", "head"), ("check",), ("downgrade", "0001"), ("upgrade", "head"), ("check",)):
        done = alembic(owner_url, *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    *rest, changes = before
    engine = create_engine(database_url)
    with engine.begin() as connection:  # the older schema has no passwords and no record of changes
        assert connection.scalar(text("select count(*) from accounts")) == len(SECRETS)
        assert connection.scalar(text("select count(*) from changes where account is null")) == 0
        hashes: dict[str, str | None] = dict(
            connection.execute(text("select name, password_hash from accounts")).all()
        )
        assert hashes == dict.fromkeys(SECRETS)
    engine.dispose()
    assert changes["count"] == 13  # one validation; sizes, nodes and checksums: four of each
    app = create_app(Config(database_url=database_url))
    with app.app_context():
        done_ = app.test_cli_runner().invoke(args=["account", "set", "viewer"], input=SECRETS["viewer"] + "\n")
    app.extensions["atdb_engine"].dispose()
    assert done_.exit_code == 0, done_.output
    assert reads(database_url)[:-1] == rest


def test_a_secret_of_the_first_schema_still_logs_in(postgres: Postgres) -> None:
    url = postgres.new_database()
    config = alembic_config(postgres.owner_url(url))
    command.downgrade(config, "0001")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("update accounts set secret_sha256 = encode(sha256(:secret), 'hex') where name = 'astronomer'"),
            {"secret": b"the old secret of the first schema"},
        )
    engine.dispose()
    command.upgrade(config, "head")
    app = create_app(Config(database_url=url))
    answer = app.test_client().get("/atdb/me/", auth=("astronomer", "the old secret of the first schema"))
    app.extensions["atdb_engine"].dispose()
    assert (answer.status_code, answer.json and answer.json["role"]) == (200, "astronomer")


def test_of_several_migrations_at_once_each_waits_for_the_one_before(owner_url: str) -> None:
    command.downgrade(alembic_config(owner_url), "base")
    migrate = [sys.executable, "-m", "flask", "--app", "atdb_api", "migrate"]
    environment = {**os.environ, "ATDB_DATABASE_URL": owner_url}
    running = [
        subprocess.Popen(
            migrate, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(3)
    ]
    outputs = [process.communicate()[0].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    command.check(alembic_config(owner_url))


def test_all_goes_down_to_nothing_and_up_again(owner_url: str, filled: None) -> None:
    config = alembic_config(owner_url)
    command.downgrade(config, "base")
    command.upgrade(config, "head")
    command.check(config)


def test_a_dump_restored_into_an_empty_server_passes_the_same_reads(
    database_url: str, owner_url: str, filled: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Postgres(tmp_path_factory.mktemp("restored"))
    other.start()
    try:
        database.prepare_owner(other.settings, other.credentials, "atdb")
        database.prepare_application(other.settings, other.credentials)
        database.prepare_reader(other.settings, other.credentials)
        database.prepare_login(other.settings, other.credentials, "maintenance", database="atdb")
        dumped = tmp_path_factory.mktemp("dump") / "atdb.dump"
        others_owner = other.url("atdb", "atdb_owner")
        tool("pg_dump", "--format=custom", f"--file={dumped}", f"--dbname={plain(owner_url)}")
        whose = ("--no-owner", "--no-privileges")
        tool("pg_restore", "--exit-on-error", *whose, f"--dbname={plain(others_owner)}", str(dumped))
        command.upgrade(alembic_config(others_owner), "head")  # which grants the rights that are not in the dump
        assert reads(other.url()) == reads(database_url)
        command.check(alembic_config(others_owner))
        engine = create_engine(others_owner)
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text("delete from transitions"))
        engine.dispose()
    finally:
        other.stop()


def plain(url: str) -> str:
    return url.replace("+psycopg2", "")


def tool(name: str, *arguments: str) -> None:
    done = subprocess.run([database.binary(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


#: What each account does before the upgrade, and the role that it gets.
NEW_ROLES = {
    "specifies": Role.ASTRONOMER,
    "idle": Role.ASTRONOMER,
    "cancels": Role.ASTRONOMER,
    "reports": Role.TELESCOPE,
    "adds": Role.TELESCOPE,
    "adds to its own": Role.ASTRONOMER,
    "specifies and reports": Role.PIPELINE,
    "claims": Role.PIPELINE,
    "is passed a claim": Role.PIPELINE,
    "validates": Role.PIPELINE,
    "schedules": Role.PIPELINE,
    "raises events": Role.PIPELINE,
}


def test_an_upgrade_gives_accounts_of_services_the_roles_of_what_they_did(
    app: Flask, url: str, client: Client, owner_url: str, observe: Callable[..., Observation]
) -> None:
    secret = "secret-of-a-service-in-these-tests"
    with app.app_context(), transaction() as session:
        for name in NEW_ROLES:
            accounts.put(session, name, role=Role.OPERATOR, password=secret, actor="tests")

    def of(name: str) -> Client:
        return Client(url, user=name, secret=secret)

    def new(name: str) -> Observation:
        field = {
            "field_name": name,
            "observing_mode": "imaging",
            "field_ra": 1,
            "field_dec": 2,
            "starttime": "2026-07-05T06:00:00Z",
        }
        with of(name) as account:
            return account.create_observation({**field, "duration": 60})

    specified = new("specifies")
    both, own = new("specifies and reports"), new("adds to its own")
    with of("specifies") as account:
        account.change_observation(specified.id, field_ra=1.0)
    with of("cancels") as account:
        account.act(observe().taskID, Action.CANCEL, reason="rain")
    for name in ("reports", "specifies and reports"):
        with of(name) as account:
            account.move(observe(Status.RUNNING).taskID, Status.COMPLETING)
    with of("adds") as account:
        account.create_dataproducts([{"taskID": observe(Status.RUNNING).taskID, "filename": "a.fits"}])
    with of("adds to its own") as account:
        account.create_dataproducts([{"taskID": own.taskID, "filename": "b.fits"}])
    with of("claims") as account:
        passed_to = "is passed a claim"
        account.claim(ClaimRequest(id="c1", consumer="x", statuses=[Status.ARCHIVED], for_account=passed_to))
    with of("validates") as account:
        account.move(observe(Status.COMPLETING).taskID, Status.CHECKING, owner="validate/1", lease_seconds=60)
    with of("schedules") as account:
        account.move(observe().taskID, Status.SCHEDULED)
    with of("raises events") as account:
        account.raise_events([NewEvent(key="1", kind=EventKind.REPAIR, detail="it is")])
    engine = create_engine(owner_url)
    config = alembic_config(owner_url)
    command.downgrade(config, "0009")
    with engine.begin() as connection:
        roles: dict[str, str] = dict(connection.execute(text("select name, role from accounts")).all())
        assert {roles[role] for role in ("astronomer", "telescope", "pipeline")} == {"service"}
        assert (roles["viewer"], roles["operator"], roles["admin"]) == ("viewer", "operator", "admin")
        services = text("update accounts set role = 'service' where name = any(:names)")
        connection.execute(services, {"names": list(NEW_ROLES)})
    command.upgrade(config, "head")
    command.check(config)
    with engine.begin() as connection:
        roles = dict(connection.execute(text("select name, role from accounts")).all())
    engine.dispose()
    assert {name: roles[name] for name in NEW_ROLES} == NEW_ROLES
    assert (roles["viewer"], roles["operator"], roles["admin"]) == ("viewer", "operator", "admin")
    upgraded = {each.account: each.fields for each in client.changes(actor="upgrade")}
    assert upgraded["reports"] == {"role": ("service", "telescope")}
    assert upgraded.keys() == {*NEW_ROLES, "astronomer", "telescope", "pipeline"}
    created = {each.taskID: each.created_by for each in client.observations()}
    assert (created[specified.taskID], created[both.taskID]) == ("specifies", "specifies and reports")
    assert set(created.values()) == {"specifies", "specifies and reports", "adds to its own", "admin"}


def test_an_upgrade_gives_leases_to_the_account_that_has_moved_the_observation(
    client: Client, url: str, owner_url: str, observe: Callable[..., Observation]
) -> None:
    mine, taken_over = observe(Status.VALID), observe(Status.VALID)
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as pipeline:
        for made in (mine, taken_over):
            pipeline.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=3600)
        pipeline.claim(ClaimRequest(id="c1", consumer="airflow", statuses=[observe(Status.ARCHIVED).my_status]))
    engine = create_engine(owner_url)
    command.downgrade(alembic_config(owner_url), "0008")
    with engine.begin() as connection:  # no transition names the owner that has taken the work over
        taken = "update leases set owner = 'ingest/run 2' where observation_id = :id"
        connection.execute(text(taken), {"id": taken_over.id})
    command.upgrade(alembic_config(owner_url), "head")
    with engine.begin() as connection:
        assert set(connection.execute(text("select owner, account from leases"))) == {
            ("ingest/run 1", "pipeline"),
            ("ingest/run 2", "pipeline"),
        }
    engine.dispose()
    assert client.deletion().allowed
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as pipeline:
        pipeline.renew(mine.taskID, "ingest/run 1", 60)
        # It is not known which account made a claim of an earlier version, so all accounts can use it.
        assert [task.claim for task in pipeline.open_claims("airflow")] == ["c1"]
    assert client.release([task.taskID for task in client.open_claims("airflow")], claim="c1") == 1
