"""Overdue observations, now and at moments of the past, compared with the same query in Python."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import text

from atdb_api.database import transaction
from atdb_api.models import Observation as Row
from atdb_api.models import Transition
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.expected_durations import EXPECTED, due
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import REMOVE, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
SEED = 20190408


@pytest.fixture
def http(url: str) -> Any:
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as opened:
        yield opened


def some_sky(app: Flask, now: datetime) -> list[Row]:
    """Create observations in all statuses, entered about as long ago as the expected time of each."""
    dice, rows = random.Random(SEED), []
    for number in range(400):
        status = dice.choice(list(Status))
        # Never within a minute of being overdue, because the clock advances during the test.
        margin = timedelta(minutes=dice.choice([-600, -20, -2, 2, 20, 600]))
        until = now - EXPECTED.get(status, timedelta(days=1)) - margin
        start = until + timedelta(minutes=dice.choice([-90, -30, 0, 30]))
        row = Row(
            task_id=f"{number:09d}",
            status=status,
            status_since=until + timedelta(minutes=dice.choice([-45, 0, 0, 45])),
            name="sky",
            task_type="observation",
            process_type="observation",
            observing_mode="imaging",
            start_time=start + timedelta(seconds=number),
            end_time=start + timedelta(seconds=number, minutes=dice.choice([30, 60])),
            field_name="sky",
            data_location="wcudata1:/data",
            skip_auto_ingest=False,
            options={},
            priority=0,
        )
        rows.append(row)
    with app.app_context(), transaction() as session:
        session.add_all(rows)
        session.flush()
        for row in rows:
            steps = [(row.status_since, row.status), (now - timedelta(days=400), Status.DEFINED)]
            for at, status in reversed(steps):
                session.add(Transition(task_id=row.task_id, status=status, at=at, actor="test", reason=""))
                session.flush()
        session.expunge_all()
    return rows


def is_overdue(row: Row, now: datetime, delay: timedelta = timedelta(0)) -> bool:
    limit = due(row.status, since=row.status_since, start=row.start_time, end=row.end_time, delay=delay)
    return limit is not None and limit < now


def listed(http: httpx.Client, **parameters: str) -> list[str]:
    answer = http.get("/observations/", params={"page_size": "1000", "fields": "taskID", **parameters})
    assert answer.status_code == 200, answer.text
    return [item["taskID"] for item in answer.json()["results"]]


def test_the_database_finds_overdue_what_python_does(app: Flask, http: httpx.Client) -> None:
    now = datetime.now(UTC)
    rows = some_sky(app, now)
    late = [row.task_id for row in rows if is_overdue(row, now)]
    well = [row.task_id for row in rows if not is_overdue(row, now)]
    assert len(late) > 100
    assert {row.status for row in rows if is_overdue(row, now)} == set(EXPECTED)
    assert listed(http, overdue="true") == late
    assert listed(http, overdue="false") == listed(http, overdue__exclude="true") == well
    assert listed(http, overdue__isnull="true") == []
    assert listed(http, overdue="true", my_status="valid") == [
        row.task_id for row in rows if row.status is Status.VALID and is_overdue(row, now)
    ]


def test_a_delay_before_a_stage_does_not_make_it_overdue(app: Flask, http: httpx.Client, client: Client) -> None:
    now = datetime.now(UTC)
    rows = some_sky(app, now)
    delay = timedelta(minutes=15)
    client.change_stage(REMOVE.actor, delay_seconds=delay.total_seconds())
    delays = {REMOVE.source: delay}
    late = [row.task_id for row in rows if is_overdue(row, now, delays.get(row.status, timedelta(0)))]
    assert len(late) < sum(is_overdue(row, now) for row in rows)
    assert listed(http, overdue="true") == late


def test_a_past_moment_finds_what_was_overdue_then(app: Flask, http: httpx.Client) -> None:
    now = datetime.now(UTC)
    rows = some_sky(app, now)
    then = now - timedelta(hours=3)
    late = [row.task_id for row in rows if row.status_since <= then and is_overdue(row, then)]
    had_it = {row.task_id for row in rows if row.status_since <= then}
    assert 0 < len(late) < len(had_it)
    as_of = {"as_of": write_time(then), "overdue": "true"}
    assert [task_id for task_id in listed(http, **as_of) if task_id in had_it] == late
    assert [t for t in listed(http, as_of=write_time(then), overdue="false") if t in had_it] == [
        row.task_id for row in rows if row.task_id in had_it and row.task_id not in late
    ]


def test_a_walk_ordered_by_overdue_meets_each_once(app: Flask, http: httpx.Client) -> None:
    rows = some_sky(app, datetime.now(UTC))
    for ordering in ("overdue", "-overdue,-taskID", "skip_auto_ingest"):
        met: list[str] = []
        following: Any = http.base_url.join("/atdb/observations/").copy_with(
            params={"ordering": ordering, "cursor": "", "page_size": "150", "fields": "taskID"}
        )
        while following:
            answer = http.get(following)
            assert answer.status_code == 200, answer.text
            met += [item["taskID"] for item in answer.json()["results"]]
            following = answer.json()["next"]
        assert sorted(met) == [row.task_id for row in rows], ordering
        assert met == listed(http, ordering=ordering)


def test_overdue_is_a_filter_wherever_observations_are_filtered(
    app: Flask, http: httpx.Client, client: Client, observe: Observe
) -> None:
    late, well = observe(Status.VALID), observe(Status.VALID)
    with app.app_context(), transaction() as session:
        since = "update observations set status_since = now() - interval '25 hours' where task_id = :task_id"
        session.execute(text(since), {"task_id": late.taskID})
    assert http.get("/summary/", params={"overdue": "true"}).json()["count"] == 1
    assert client.count_waiting([Status.VALID], overdue="true") == 1
    ask = ClaimRequest(id="c1", consumer="test", statuses=[Status.VALID], filters={"overdue": "false"})
    assert [task.taskID for task in client.claim(ask).tasks] == [well.taskID]
    assert http.get("/observations/", params={"overdue": "perhaps"}).status_code == 400


def test_the_document_knows_the_filter(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    filters = document["components"]["schemas"]["ObservationFilters"]["patternProperties"]
    assert any("|overdue|" in pattern or "|overdue)" in pattern for pattern in filters)
