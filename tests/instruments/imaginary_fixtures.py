"""Fixtures for the stories of the imaginary instrument: a worker, a telescope, and the command `atdb`."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from standalone.settings import HOST
from tests.conftest import listening
from tests.interface.conftest import BIN, write_config
from tests.operators.conftest import archive_root, context, data_root

__all__ = ["archive_root", "context", "data_root", "orders", "submit"]

Submit = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The requests that telescope control receives."""
    taken: list[Any] = []
    app = Flask("telescope")

    @app.post("/observations/")
    def take() -> tuple[dict[str, str], int]:
        taken.append(request.get_json())
        return {"state": "accepted"}, 201

    with listening(app) as port:
        connection = {"conn_type": "http", "host": f"http://{HOST}:{port}"}
        monkeypatch.setenv("AIRFLOW_CONN_TELESCOPE_DEFAULT", json.dumps(connection))
        yield taken


@pytest.fixture
def submit(url: str, tmp_path: Path) -> Submit:
    """Submit a line of a schedule, as an astronomer does."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        schedule = tmp_path / "today.csv"
        schedule.write_text(f"observing_mode,field_name,starttime,duration,gain\n{line}\n")
        config = write_config(tmp_path / "config.toml", url, "astronomer")
        return subprocess.run(
            [BIN / "atdb", "--host", "prod", "submit", schedule],
            env={**os.environ, "ATDB_CONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
