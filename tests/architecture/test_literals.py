"""`make check` finds statuses that are written as text."""

from pathlib import Path

import pytest

from standalone.settings import REPOSITORY
from tools import literals


def test_no_status_is_written_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert literals.main() == 0


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", "if o.status == 'on hold':\n    pass\n", ["on hold"]),
        ("a.py", "of = ['valid', 'completed']\n", ["valid", "completed"]),
        ("a.py", "of = 'valid,completed'.split(',')\n", ["valid", "completed"]),
        ("a.py", "query = f'{url}?my_status__in=archived'\n", ["archived"]),
        ("a.py", "where = \"status <> 'aborted'\"\n", ["aborted"]),
        ("a.py", '"""valid"""\n\nsays = "It is valid."\n', []),
        ("a.html", "{% if task.my_status == 'archived' %}", ["archived"]),
        ("a.html", '<a href="/tasks/?my_status=archived">archived</a>', ["archived"]),
        ("a.js", 'row.status === "ingest error"', ["ingest error"]),
        ("a.sql", "where status = 'archived'", []),
        ("a.sql", "where status not in ('removed', 'aborted')", []),
        ("a.sql", "where status in ('archived', 'removed')", ["'archived', 'removed'"]),
        ("a.sql", "where status in ('ingest error', 'error (too late)')", ["'ingest error', 'error (too late)'"]),
    ],
)
def test_statuses_are_found_in_code_and_pages_and_lists_of_them_in_sql(
    name: str, text: str, found: list[str]
) -> None:
    assert [status for _, status in literals.literals(Path(name), text)] == found
