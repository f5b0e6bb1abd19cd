"""The administrator's commands use the stack's database, and report missing parts without a traceback."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from standalone.settings import REPOSITORY, Settings
from tests.conftest import Postgres, free_ports


def admin(settings: Settings, *command_line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "standalone.admin", *command_line],
        cwd=REPOSITORY,
        env={**os.environ, **settings.as_environment()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_reaches_the_database(postgres: Postgres) -> None:
    listed = admin(postgres.settings, "token", "list")
    assert listed.returncode == 0, listed.stderr


def test_a_stack_that_does_not_run_is_named(postgres: Postgres, tmp_path: Path) -> None:
    away = admin(replace(postgres.settings, postgres_port=free_ports(1)[0]), "account", "list")
    assert away.returncode == 1
    assert "make up" in away.stderr
    assert "Traceback" not in away.stderr
    none = admin(Settings(state=tmp_path), "account", "list")
    assert none.returncode == 1
    assert "There is no stack yet" in none.stderr
