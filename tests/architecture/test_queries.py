"""`make check` finds queries in pages and views."""

import pytest

from standalone.settings import REPOSITORY
from tools import queries

LOWER = """
def select_tasks() -> Select[Observation]: ...
def is_overdue(status: Column) -> ColumnElement[bool]: ...
def read_task(session: Session) -> TaskPage: ...
def _delay() -> ColumnElement[bool]: ...
"""
RETURNING = queries.statement_functions([LOWER])


def test_no_page_and_no_view_contains_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert queries.main() == 0


def test_the_functions_that_return_statements_are_known() -> None:
    assert {"select_tasks", "is_overdue"} == RETURNING


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from sqlalchemy import select as rows\nrows(Observation)", "rows"),
        ("import sqlalchemy\nsqlalchemy.select(Observation)", "select"),
        ("import sqlalchemy as sa\nsa.select(Observation)", "select"),
        ("session.scalars(statement)", "session.scalars"),
        ("session.flush()", "session.flush"),
        ("task_row.select_tasks()", "select_tasks"),
        ("is_overdue(status)", "is_overdue"),
        ("statement.where(condition)", "where"),
        ("opened.execute(statement)", "execute"),
        ("def view(db: Session) -> str:\n    db.get(Observation, 1)", "db.get"),
        ('def view(db: "orm.Session | None") -> str:\n    db.add(row)', "db.add"),
        ("opened: Session = find()\nopened.connection()", "opened.connection"),
        ("with transaction() as opened:\n    opened.query(Observation)", "opened.query"),
        ("with database.transaction(read_only=True) as opened:\n    opened.get(Observation, 1)", "opened.get"),
        ("with Session(engine) as opened:\n    opened.scalars(statement)", "opened.scalars"),
        ("opened = object_session(row)\nopened.add(row)", "opened.add"),
        ("db = session\ndb.execute(statement)", "db.execute"),
    ],
)
def test_a_query_is_found(line: str, found: str) -> None:
    assert [name for _, name in queries.queries(line, RETURNING, frozenset())] == [found]


@pytest.mark.parametrize(
    "line",
    [
        "read_task(session)",
        "', '.join(names)",
        "select(option)",
        "_delay()",
        "request.args.get('a')",
        "names = set()\nnames.add('a')",
    ],
)
def test_what_is_no_query_is_allowed(line: str) -> None:
    assert list(queries.queries(line, RETURNING, frozenset())) == []


def test_a_view_can_send_its_changes_to_the_database() -> None:
    assert list(queries.queries("session.flush()", RETURNING, queries.ALLOWED["views"])) == []


def test_a_view_can_send_its_changes_to_the_database_under_any_name() -> None:
    source = "def view(db: Session) -> None:\n    db.flush()\n    db.get(Observation, 1)"
    found = [name for _, name in queries.queries(source, RETURNING, queries.ALLOWED["views"])]
    assert found == ["db.get"]
