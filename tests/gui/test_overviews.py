"""Requirements of all overview pages: accessible, with few statements."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask

from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.gui.conftest import Open, statements_of

Observe = Callable[..., Observation]
PATHS = ("/night/", "/plan/", "/flow/", "/services/", "/services/ingest/", "/tasks/of-run/?dag=ingest&run=1")


@pytest.fixture
def busy(client: Client, observe: Observe) -> None:
    """Create content for every part of every page."""
    for status in (Status.VALID, Status.REMOVED, Status.ABORTED, Status.INGEST_ERROR, Status.COMPLETED):
        observe(status)
    now = datetime.now(UTC)
    for minutes, status in ((-2, Status.RUNNING), (-1, Status.STARTING), (2, Status.SCHEDULED)):
        observe(status, starttime=(now + timedelta(minutes=minutes)).isoformat())
    observe(Status.SCHEDULED)
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=600)
    client.renew(
        made.taskID, "ingest/run 1", 600, done_bytes=1, total_bytes=4, trouble="the archive does not respond"
    )
    client.change_stage(Actor.INGEST, slots=2)
    client.change_stage(Actor.REMOVE, paused=True, delay_seconds=3600, reason="storm")
    client.sign_of_life("listen", statuses=[Status.VALID])
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=40))
    client.raise_events([NewEvent(key=kind, kind=kind, taskID=made.taskID, detail="it is") for kind in EventKind])


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_nothing_serious_stands_in_anybodys_way(open_as: Open, scheme: Any, width: int) -> None:
    page = open_as("operator", "/night/", viewport={"width": width, "height": 812}, color_scheme=scheme)
    for path in PATHS:
        page.goto(path)
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [
            (each["id"], [node["html"][:150] for node in each["nodes"][:3]])
            for each in violations
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.usefixtures("busy")
def test_a_page_takes_ten_statements_at_most_and_no_more_for_more_tasks(
    url: str, app: Flask, observe: Observe
) -> None:
    statements = statements_of(app)
    with httpx.Client(base_url=url) as http:
        http.post("/atdb/login/", json={"name": "operator", "password": SECRETS["operator"]})
        for path in PATHS:
            counts = []
            for _ in range(2):
                statements.clear()
                assert http.get(path).status_code == 200
                counts.append(len(statements))
                for status in (Status.SCHEDULED, Status.INGEST_ERROR):
                    observe(status)
            assert counts[0] <= 10, (path, statements)
            assert counts[1] == counts[0], path


@pytest.mark.usefixtures("busy")
def test_what_has_not_changed_is_not_sent_again(open_as: Open) -> None:
    page = open_as("operator", "/atdb/")
    for path in PATHS:
        with page.expect_response(lambda answer: "known=" in answer.url) as response:
            page.goto(path)
        parts = response.value.json()["parts"]
        assert set(parts) <= {"timeline", "telescope"}, path  # the line of the present time may have moved


def test_hostile_words_stay_words(open_as: Open, client: Client, observe: Observe) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    made = observe(Status.VALID, name=hostile, starttime="2026-05-01T06:00:00Z")
    client.move(made.taskID, Status.INGESTING, owner=hostile, lease_seconds=60)
    client.renew(made.taskID, hostile, 60, trouble=hostile)
    failed = observe(Status.INGESTING)
    client.move(failed.taskID, Status.INGEST_ERROR, reason=hostile)
    client.change_stage(Actor.INGEST, paused=True, reason=hostile)
    client.sign_of_life(hostile, detail=hostile)
    client.raise_events([NewEvent(key="1", kind=EventKind.BRAKE, detail=hostile)])
    page = open_as("operator", "/night/")
    for path in (*PATHS, "/plan/?day=2026-05-01", f"/tasks/of-run/?dag=ingest&run={hostile}"):
        page.goto(path)
        assert page.locator("main img").count() == 0
