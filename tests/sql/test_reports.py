"""Each report runs as the reading role, and the documentation lists exactly the existing columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection
from psycopg2.extras import NamedTupleCursor
from sqlalchemy import create_engine, text

from atdb_api.schema import report_columns
from atdb_interface.lifecycle import STAGES, STATUSES, STEPS, WORKING, Actor, Group, Status
from atdb_interface.observations import Observation

REPOSITORY = Path(__file__).parents[2]
SQL = REPOSITORY / "sql"
Report = Callable[[str], list[Any]]


@pytest.fixture
def report(reader: connection, observe: Callable[..., Observation]) -> Report:
    for status in (Status.REMOVED, Status.INGEST_ERROR, Status.INGEST_ERROR, Status.SCHEDULED):
        observe(status, products=2)

    def run(statement: str) -> list[Any]:
        with reader, reader.cursor(cursor_factory=NamedTupleCursor) as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    return run


def test_what_waits_longest_comes_first(report: Report) -> None:
    rows = report((SQL / "waiting_longest.sql").read_text())
    assert [(row.task_id, row.status) for row in rows] == [
        ("260405002", "ingest error"),
        ("260405003", "ingest error"),
    ]


def test_the_stays_in_each_status_are_counted(report: Report) -> None:
    counts = {row.status: row.observations for row in report((SQL / "seconds_in_status.sql").read_text())}
    assert (counts["defined"], counts["ingesting"], counts["archived"]) == (4, 3, 1)
    assert "ingest error" not in counts


def test_every_report_is_tested() -> None:
    assert {path.name for path in SQL.glob("*.sql")} == {"waiting_longest.sql", "seconds_in_status.sql"}


def test_the_documentation_lists_exactly_the_columns_that_exist(owner_url: str) -> None:
    engine = create_engine(owner_url)
    with engine.connect() as opened:
        written = report_columns.markdown(opened)
    engine.dispose()
    assert "None" not in written  # all have a comment
    assert (REPOSITORY / "docs" / "reports.md").read_text().endswith(f"\n{written}")


def test_only_columns_that_say_so_can_be_null(report: Report) -> None:
    columns = report(
        "select view.relname as view, attname as name, col_description(attrelid, attnum) as meaning "
        "from pg_attribute join pg_class as view on view.oid = attrelid "
        "where relnamespace = 'reports'::regnamespace and relkind = 'v' and attnum > 0"
    )
    nulls = {
        f"{view}.{column}"
        for view in {each.view for each in columns}
        for row in report(f"table reports.{view}")
        for column, value in row._asdict().items()
        if value is None
    }
    assert "stays.left_at" in nulls
    assert not nulls - {f"{each.view}.{each.name}" for each in columns if "Null " in each.meaning}


def test_the_statuses_are_those_of_the_lifecycle(report: Report) -> None:
    rows = {Status(row.status): row for row in report("select * from reports.statuses order by position")}
    assert list(rows) == list(Status)
    assert [row.position for row in rows.values()] == list(range(1, len(Status) + 1))
    for stage in STAGES:
        assert (rows[stage.source].kind, rows[stage.source].stage) == ("waiting", stage.actor)
        if stage.error:
            assert (rows[stage.error].kind, rows[stage.error].stage) == ("failed", stage.actor)
    assert {status for status, row in rows.items() if row.kind == "working"} == set(WORKING)
    assert all(rows[status].stage == stage.actor for status, stage in WORKING.items())
    failed = {status for status, row in rows.items() if row.kind == "failed"}
    assert failed >= {status for status in Status if "error" in status} | {Status.INCOMPLETE}
    assert all(STATUSES[status].group is Group.ATTENTION for status in failed - {Status.ON_HOLD})
    assert rows[Status.COMPLETED].kind == "waiting"
    assert [status for status, row in rows.items() if row.kind == "held"] == [Status.ON_HOLD]
    assert [status for status, row in rows.items() if row.kind == "observing"] == [Status.RUNNING]
    for step in STEPS:
        if step.target in failed and step.actor is not Actor.OPERATOR:
            assert rows[step.target].stage == step.actor
    final = {status for status, row in rows.items() if row.kind == "final"}
    assert final == set(Status) - {step.source for step in STEPS} - {Status.ON_HOLD}


def test_the_stays_of_an_observation_follow_each_other_without_a_gap(report: Report) -> None:
    stays = report("select * from reports.stays where task_id = '260405002' order by entered_at")
    history = report(
        "select * from reports.transitions where task_id = '260405002' and dataproduct is null order by id"
    )
    assert [(stay.status, stay.entered_at, stay.previous) for stay in stays] == [
        (each.status, each.at, each.previous) for each in history
    ]
    assert [(stay.next_status, stay.left_at) for stay in stays] == [
        *((each.status, each.at) for each in history[1:]),
        (None, None),
    ]
    assert [stay.seconds for stay in stays[:-1]] == pytest.approx(
        [(stay.left_at - stay.entered_at).total_seconds() for stay in stays[:-1]]
    )


def test_a_clock_that_was_set_back_makes_no_stay_negative(report: Report, owner_url: str) -> None:
    owner = create_engine(owner_url)
    with owner.begin() as database:
        database.execute(
            text(
                "insert into transitions (task_id, previous, status, at, actor, reason) "
                "values ('260405002', 'ingest error', 'valid', now() - interval '1 day', 'operator', '')"
            )
        )
    owner.dispose()
    stays = report("select seconds from reports.stays where task_id = '260405002' and left_at is not null")
    assert min(stay.seconds for stay in stays) == 0


def test_the_states_at_a_moment_are_those_before_it(report: Report) -> None:
    then = report(
        "select state.* from reports.transitions as t cross join reports.states_at(t.at) as state "
        "where t.task_id = '260405001' and t.status = 'removing' and state.task_id = t.task_id"
    )
    assert [each.status for each in then] == ["archived"]
    assert not report("select * from reports.states_at(now()) where task_id = '260405001'")  # it is removed
    assert len(report("select * from reports.states_at(now())")) == 3
