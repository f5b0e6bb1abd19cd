"""The commands as astronomers and operators run them: real processes with their own configuration."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SECRETS
from tests.mounts import mount  # noqa: F401

BIN = Path(sys.executable).parent
Run = Callable[..., subprocess.CompletedProcess[str]]


def write_config(path: Path, url: str, user: str) -> Path:
    path.write_text(f'[hosts.prod]\nurl = "{url}"\nuser = "{user}"\nsecret = "{SECRETS[user]}"\n')
    return path


@pytest.fixture
def configured(tmp_path: Path, url: str) -> Callable[[str], dict[str, str]]:
    """Return the environment of a user whose configuration has the running ATDB, and an account there."""

    def environment(user: str) -> dict[str, str]:
        config = write_config(tmp_path / f"{user}.toml", url, user)
        return {"PATH": f"{BIN}:{os.environ['PATH']}", "ATDB_CONFIG": str(config), "HOME": str(tmp_path)}

    return environment


@pytest.fixture
def run(configured: Callable[[str], dict[str, str]]) -> Run:
    """Run a command of this environment as an account; return its output and its exit status."""

    def call(command: str, *arguments: str, user: str = "operator") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / command, *arguments],
            env=configured(user),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return call
