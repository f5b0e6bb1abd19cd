"""A list that is expensive to find ends with an answer that says so, and occupies no thread for long."""

import time

import httpx
import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from atdb_api import database
from atdb_api.search.filters import MOST_RELATED
from tests.conftest import SECRETS
from tests.gui import history

READER = ("viewer", SECRETS["viewer"])
#: Each filter searches all statuses and all data products of each observation.
EXPENSIVE = "&".join(
    f"status_history__contains__exclude={n}&generated_dataproducts__contains__exclude=x{n}"
    for n in range(MOST_RELATED // 2)
)


def test_a_statement_of_a_read_has_less_time_than_one_of_a_change(app: Flask) -> None:
    shown = []
    with app.app_context():
        for read_only in (True, False, True):
            with database.transaction(read_only=read_only) as session:
                shown.append(session.scalar(text("show statement_timeout")))
    assert shown == ["5s", "15s", "5s"]


@pytest.mark.parametrize("field", ["status_history__contains", "generated_dataproducts__isnull"])
def test_the_filters_that_are_expensive_to_plan_are_few(url: str, field: str) -> None:
    def ask(number: int, last: str) -> httpx.Response:
        query = "&".join(f"{name}=true" for name in (*[field] * number, last))
        return httpx.get(f"{url}/atdb/observations/?{query}", auth=READER, timeout=60)

    assert ask(MOST_RELATED, "name").status_code == 200
    refused = ask(MOST_RELATED, f"{field}__exclude")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, f"{field}__exclude")
    assert "more than 12 filters" in refused.text


def test_an_expensive_list_is_stopped_with_what_to_do(
    url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        history.fill(connection, 20_000)
    engine.dispose()
    begun = time.monotonic()
    with monkeypatch.context() as limited:
        limited.setattr(database, "READ_STATEMENT_TIMEOUT_MS", 50)
        answer = httpx.get(f"{url}/atdb/observations/?{EXPENSIVE}", auth=READER, timeout=60)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "narrower filters" in answer.json()["detail"]
    assert time.monotonic() - begun < 20
    assert httpx.get(f"{url}/atdb/observations/?taskID=1", auth=READER, timeout=60).status_code == 200
