"""A backup has everything, is verified, and restores everything."""

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet

from atdb_interface.lifecycle import Status
from standalone.backup import backup_folder, manifest
from standalone.backup.machine import MachineInstallation
from standalone.credentials import Credentials
from standalone.settings import REPOSITORY, Settings
from standalone.stack import database
from tests.conftest import free_ports
from tests.standalone.site import SECRET, Site, observe, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site with observations, and a pool that an operator has changed."""
    statuses = (Status.DEFINED, Status.VALID, Status.REMOVED, Status.ON_HOLD)
    with running(tmp_path_factory.mktemp("site"), *statuses) as site:
        site.execute("update slot_pool set slots = 9 where pool = 'ingest'", "airflow")
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backups"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def kept(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the site."""
    folder = tmp_path_factory.mktemp("kept")
    backup(site.settings, "make", folder)
    (made,) = backup_folder.complete(folder)
    return made


def command(settings: Settings, *arguments: object, **given: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "standalone.backup", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **settings.as_environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **given,
    )


def backup(settings: Settings, *arguments: object, code: int = 0, **given: Any) -> str:
    """Run the command to its end; return its output, or its error."""
    program = command(settings, *arguments, **given)
    out, errors = program.communicate(timeout=240)
    assert program.returncode == code, out + errors
    return errors if code else out


def elsewhere(path: Path) -> Settings:
    """Return the settings of another site, which does not exist yet."""
    return Settings(state=path.resolve(), postgres_port=free_ports(1)[0])


def test_all_answers_are_the_same_after_everything_was_lost(site: Site, kept: Path, tmp_path: Path) -> None:
    before = site.answers()
    assert len(before) > 20
    settings = elsewhere(tmp_path / "new")
    backup(settings, "restore", kept)
    assert stat.S_IMODE(settings.credentials.stat().st_mode) == 0o600
    restored = Site(settings.state)
    restored.settings = settings
    assert restored.credentials == site.credentials
    restored.start()
    try:
        restored.prepare()
        assert restored.answers() == before
        assert restored.execute("select slots from slot_pool where pool = 'ingest'", "airflow") == [(9,)]
        with restored.client() as client:  # the pipeline continues
            valid = next(each for each in client.observations() if each.my_status is Status.VALID)
            client.move(valid.taskID, Status.INGESTING)
            former = {each.taskID for each in client.observations()}
            assert observe(client, Status.ARCHIVED) not in former
        _no_other_role_can_enter(restored)
    finally:
        restored.stop()

    # Back again: changes after the backup are lost, and the present passwords stay.
    known = json.loads(settings.credentials.read_text(encoding="utf-8"))
    former_key = known["airflow_keys"]["fernet_key"]
    known["airflow_keys"]["fernet_key"] = Fernet.generate_key().decode()
    known["atdb"]["admin"] = "a password of a later time"
    settings.credentials.write_text(json.dumps(known), encoding="utf-8")
    backup(settings, "restore", kept)
    restored.credentials = Credentials.read(settings.credentials)
    assert restored.credentials.atdb["admin"] == "a password of a later time"
    keys = restored.credentials.airflow_keys["fernet_key"].split(",")
    assert keys == [known["airflow_keys"]["fernet_key"], former_key]
    restored.start()
    try:
        ((value,),) = restored.execute("select val from variable where key = 'secret'", "airflow")
        assert MultiFernet(map(Fernet, keys)).decrypt(str(value)) == SECRET
        restored.prepare()
        after = restored.answers()
        assert {path for path in before if after[path] != before[path]} == {"/atdb/changes/"}  # a password changed
        assert _databases(restored) == {"airflow", "atdb", "postgres", "template0", "template1"}
    finally:
        restored.stop()


def _databases(site: Site) -> set[object]:
    return {name for (name,) in site.execute("select datname from pg_database")}


def _no_other_role_can_enter(site: Site) -> None:
    for name in ("atdb", "airflow"):
        ((public,),) = site.execute(
            f"select has_database_privilege('airflow_maintenance', '{name}', 'temporary')", name=name
        )
        assert public is False


def test_a_backup_holds_all_and_only_its_owner_can_read_it(site: Site, kept: Path) -> None:
    names = {"atdb.dump", "airflow.dump", "secrets.json", "settings.env", "manifest.json"}
    assert {path.name for path in kept.iterdir()} == names
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}
    assert f"POSTGRES_PORT={site.settings.postgres_port}\n" in (kept / "settings.env").read_text()
    written = manifest.Manifest.read(kept)
    assert written.files.keys() == names - {"manifest.json"}
    assert written.postgresql.startswith("18.")
    assert written.databases["atdb"]["public.observations"].rows == 4
    assert written.databases["airflow"]["public.variable"].rows == 1
    assert not any(table.startswith("maintenance.") for table in written.databases["airflow"])
    assert kept.name in backup(site.settings, "list", kept.parent)


def test_no_password_is_on_a_command_line(site: Site) -> None:
    for role, password in site.credentials.postgresql.items():
        line, environment = MachineInstallation(site.settings).program("psql", "dbname=atdb", role)
        assert password not in " ".join(line)
        assert environment["PGPASSWORD"] == password


@pytest.mark.parametrize("name", ["atdb.dump", "airflow.dump", "secrets.json", "settings.env", "manifest.json"])
def test_a_changed_byte_is_refused(name: str, kept: Path, tmp_path: Path) -> None:
    damaged = tmp_path / kept.name
    shutil.copytree(kept, damaged)
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2 if name != "manifest.json" else 0] ^= 1
    (damaged / name).write_bytes(content)
    settings = elsewhere(tmp_path / "new")
    assert name in backup(settings, "restore", damaged, code=1)
    assert not settings.state.exists()


def test_what_the_manifest_says_of_a_table_is_compared(kept: Path, tmp_path: Path) -> None:
    changed = tmp_path / kept.name
    shutil.copytree(kept, changed)
    text = json.loads((changed / "manifest.json").read_text(encoding="utf-8"))
    text["databases"]["airflow"]["public.variable"]["digest"] = "1"
    (changed / "manifest.json").write_text(json.dumps(text), encoding="utf-8")
    settings = elsewhere(tmp_path / "new")
    printed = backup(settings, "restore", changed, code=1)
    assert "The 1 rows of public.variable differ." in printed
    assert "the present databases are unchanged. To start the stack, run: make up" in printed
    server = Site(settings.state)
    server.settings = settings
    server.start()
    try:
        assert _databases(server) == {"postgres", "template0", "template1"}
    finally:
        server.stop()


def test_a_running_site_is_not_replaced(site: Site, kept: Path) -> None:
    assert "is running. Stop it: make down" in backup(site.settings, "restore", kept, code=1)


def test_a_site_that_is_not_running_is_not_backed_up(site: Site, folder: Path, tmp_path: Path) -> None:
    stopped = replace(site.settings, postgres_port=free_ports(1)[0])
    assert "The database is not running" in backup(stopped, "make", folder, code=1)
    assert "There is no stack" in backup(elsewhere(tmp_path / "new"), "make", folder, code=1)
    assert "mount the disk" in backup(site.settings, "make", folder / "unmounted", code=1)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("signal", [9, 15])
@pytest.mark.parametrize("when", ["dumping", "verifying"])
def test_a_killed_backup_leaves_nothing_that_looks_whole(when: str, signal: int, site: Site, folder: Path) -> None:
    def begun() -> bool:
        if when == "dumping":
            return bool(list(folder.glob(".unfinished-*/atdb.dump")))
        return "atdb_verifying" in _databases(site)

    program = command(site.settings, "make", folder)
    _await(begun)
    program.send_signal(signal)
    _, errors = program.communicate()
    assert program.returncode == (-9 if signal == 9 else 1), errors
    assert backup(site.settings, "list", folder) == ""
    if signal == 15:
        assert [path.name for path in folder.iterdir()] == [".lock"]
        assert "atdb_verifying" not in _databases(site)
    backup(site.settings, "make", folder)
    assert {path.name for path in folder.iterdir()} == {
        ".lock",
        *(each.name for each in backup_folder.complete(folder)),
    }
    assert _databases(site) == {"airflow", "atdb", "postgres", "template0", "template1"}


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_backup_taken_while_rows_are_written_is_consistent(site: Site, folder: Path) -> None:
    ended, made = threading.Event(), 0
    site.execute("create table pairs (n integer)", "atdb_owner", "atdb")

    def write() -> None:
        nonlocal made
        with closing(database.connect(site.settings, site.credentials, "atdb_owner", "atdb")) as opened:
            while not ended.is_set():
                with opened.cursor() as cursor:
                    cursor.execute("insert into pairs values (%s)", (made,))
                    cursor.execute("insert into pairs values (%s)", (-made,))
                opened.commit()
                made += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        _await(lambda: made > 10)
        backup(site.settings, "make", folder)
    finally:
        ended.set()
        writer.join()
        site.execute("drop table pairs", "atdb_owner", "atdb")
    (kept,) = backup_folder.complete(folder)
    rows = manifest.Manifest.read(kept).databases["atdb"]["public.pairs"].rows
    assert rows % 2 == 0
    assert 20 < rows < 2 * made


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("n text, check (current_database() = 'atdb')", "violates check constraint"),
        ("n text, here text generated always as (here()) stored", "The 1 rows of public.odd differ."),
    ],
)
def test_a_backup_that_cannot_be_restored_is_none(definition: str, message: str, site: Site, folder: Path) -> None:
    site.execute(
        "create function here() returns text immutable language sql as 'select current_database()::text'; "
        f"create table odd ({definition}); insert into odd values ('1')",
        "atdb_owner",
        "atdb",
    )
    try:
        assert message in backup(site.settings, "make", folder, code=1)
    finally:
        site.execute("drop table odd; drop function here()", "atdb_owner", "atdb")
    assert [path.name for path in folder.iterdir()] == [".lock"]
    assert "atdb_verifying" not in _databases(site)


def test_a_table_that_the_owner_cannot_read_is_named(site: Site, folder: Path) -> None:
    site.execute("create table private (n integer)", name="atdb")
    try:
        errors = backup(site.settings, "make", folder, code=1)
        assert "Cannot back up the table public.private of atdb: atdb_owner cannot read it." in errors
    finally:
        site.execute("drop table private", name="atdb")


def test_a_full_disk_is_an_error_and_leaves_nothing(site: Site, folder: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    errors = backup(site.settings, "make", folder, code=1, preexec_fn=no_room)
    assert errors.startswith("Cannot read or write")
    assert "File too large" in errors
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_the_oldest_are_removed_after_a_new_one_is_verified(site: Site, folder: Path) -> None:
    for day in (1, 2, 3):
        old = folder / f"atdb-2026010{day}T000000Z"
        old.mkdir()
        (old / "manifest.json").touch()
    (folder / "of another program").mkdir()
    assert "--keep must be 1 or more" in backup(site.settings, "make", folder, "--keep", 0, code=1)
    assert len(backup_folder.complete(folder)) == 3
    backup(site.settings, "make", folder, "--keep", 2)
    newest = backup_folder.complete(folder)[-1]
    assert {path.name for path in folder.iterdir()} == {
        *(".lock", "atdb-20260103T000000Z", newest.name, "of another program")
    }


def test_one_backup_is_made_at_a_time(site: Site, folder: Path) -> None:
    with backup_folder.alone(folder / ".lock"):
        assert "Another backup or restore is in progress" in backup(site.settings, "make", folder, code=1)
