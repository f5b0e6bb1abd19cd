"""Everybody can use the pages: axe-core finds nothing serious, and a phone has room for them."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.models import Observation
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
PHONE, DESKTOP = {"width": 375, "height": 812}, {"width": 1280, "height": 900}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_serious_stands_in_anybodys_way(
    open_as: Open, client: Client, observe: Observe, scheme: Any, viewport: Any
) -> None:
    made = [
        observe(status, products=2) for status in (Status.DEFINED, Status.VALID, Status.REMOVED, Status.ABORTED)
    ]
    client.move(made[1].taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=600)
    client.renew(made[1].taskID, "ingest/run 1", 600, done_bytes=1, total_bytes=4, trouble="the archive is away")
    failed = observe(Status.INGEST_ERROR, products=2, starttime="2026-01-01T00:00:00Z")
    page = open_as("operator", "/tasks/", viewport=viewport, color_scheme=scheme)
    for path in (
        "/tasks/",
        "/tasks/?my_status=valid&ordering=size",
        f"/tasks/{failed.taskID}/?action=hold",
        f"/tasks/{made[1].taskID}/",
        "/tasks/bulk/",
        "/tasks/1/",
        "/atdb/",
    ):
        page.goto(path)
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [
            (each["id"], [node["html"][:150] for node in each["nodes"][:3]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
    page.goto("/tasks/")
    page.locator("[data-act]").first.click()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
