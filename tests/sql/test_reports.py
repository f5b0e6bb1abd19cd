"""Each report runs, and says what is so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from atdb_interface.lifecycle import Status
from atdb_interface.models import Observation

SQL = Path(__file__).parents[2] / "sql"
Report = Callable[[str], list[Any]]


@pytest.fixture
def report(database_url: str, observe: Callable[..., Observation]) -> Report:
    for status in (Status.REMOVED, Status.INGEST_ERROR, Status.INGEST_ERROR, Status.SCHEDULED):
        observe(status)

    def run(name: str) -> list[Any]:
        engine = create_engine(database_url)
        with engine.connect() as connection:
            rows = list(connection.execute(text((SQL / name).read_text())))
        engine.dispose()
        return rows

    return run


def test_what_waits_longest_comes_first(report: Report) -> None:
    rows = report("waiting_longest.sql")
    assert [(row.task_id, row.status) for row in rows] == [
        ("260405002", "ingest error"),
        ("260405003", "ingest error"),
    ]


def test_the_stays_in_each_status_are_counted(report: Report) -> None:
    counts = {row.status: row.observations for row in report("seconds_in_status.sql")}
    assert (counts["defined"], counts["ingesting"], counts["archived"]) == (4, 3, 1)
    assert "ingest error" not in counts


def test_every_report_is_tested() -> None:
    assert {path.name for path in SQL.glob("*.sql")} == {"waiting_longest.sql", "seconds_in_status.sql"}
