"""The rotation replaces every password and key, also after their loss, and loses no data."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from cryptography.fernet import Fernet, InvalidToken

from atdb_interface.lifecycle import Status
from standalone.credentials import Credentials
from standalone.settings import REPOSITORY
from standalone.stack import database
from tests.standalone.site import SECRET, Site, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site"), Status.DEFINED) as site:
        yield site


def rotate(site: Site, code: int = 0) -> str:
    """Run the command; return its output, or its error."""
    done = subprocess.run(
        [sys.executable, "-m", "standalone.rotation"],
        cwd=REPOSITORY,
        env={**os.environ, **site.settings.as_environment()},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def encrypted(site: Site) -> bytes:
    ((value,),) = site.execute("select val from variable where key = 'secret'", "airflow")
    return str(value).encode()


def test_every_secret_is_new_and_nothing_else_changes(site: Site) -> None:
    before, former = site.answers(), site.credentials
    site.stop()
    assert "make up" in rotate(site)
    site.credentials = Credentials.read(site.settings.credentials)
    for section in ("airflow_ui", "atdb", "postgresql", "redis", "airflow_keys"):
        old, new = getattr(former, section), getattr(site.credentials, section)
        assert old.keys() == new.keys()
        assert not set(old.values()) & set(new.values())
    site.start()
    site.prepare()
    answers = site.answers()
    assert {path for path in before if answers[path] != before[path]} == {
        "/atdb/changes/"
    }  # the accounts' secrets
    for role in former.postgresql:
        with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
            database.connect(site.settings, former, role, "airflow" if role.startswith("airflow") else "atdb")
    former_key, present = former.airflow_keys["fernet_key"], site.credentials.airflow_keys["fernet_key"]
    assert present.split(",")[1:] == [former_key]
    assert Fernet(present.split(",")[0]).decrypt(encrypted(site)) == SECRET
    with pytest.raises(InvalidToken):
        Fernet(former_key).decrypt(encrypted(site))


def test_a_site_that_has_lost_its_secrets_receives_new_ones(site: Site) -> None:
    before = site.answers().keys()
    site.stop()
    site.settings.credentials.unlink()
    rotate(site)
    site.credentials = Credentials.read(site.settings.credentials)
    site.start()
    site.prepare()
    assert site.answers().keys() == before


def test_a_password_is_in_no_log(site: Site) -> None:
    log = "\n".join(path.read_text(errors="replace") for path in site.settings.logs.rglob("*.log"))
    assert not [name for name, secret in site.credentials.postgresql.items() if secret in log]


def test_a_running_site_keeps_its_secrets(site: Site) -> None:
    before = site.settings.credentials.read_bytes()
    assert "running" in rotate(site, code=1)
    assert site.settings.credentials.read_bytes() == before


def test_a_restore_gives_the_superuser_the_password_of_the_backup(site: Site, tmp_path: Path) -> None:
    environment = {**os.environ, **site.settings.as_environment()}
    backup = [sys.executable, "-m", "standalone.backup"]
    subprocess.run([*backup, "make", str(tmp_path)], cwd=REPOSITORY, env=environment, check=True)
    (made,) = tmp_path.glob("atdb-*")
    site.stop()
    rotate(site)
    site.settings.credentials.unlink()
    subprocess.run([*backup, "restore", str(made)], cwd=REPOSITORY, env=environment, check=True)
    site.credentials = Credentials.read(site.settings.credentials)
    site.start()
    site.prepare()
    assert site.answers()


def test_a_file_that_cannot_be_read_stops_nothing(site: Site) -> None:
    known = site.settings.credentials.read_text()
    site.settings.credentials.write_text(known.replace("{", "{,", 1))
    try:
        assert "secrets.json cannot be used" in rotate(site, code=1)
    finally:
        site.settings.credentials.write_text(known)
