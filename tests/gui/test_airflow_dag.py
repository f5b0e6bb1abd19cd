"""The link from a DAG in Airflow to its page in ATDB."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from atdb_api.reads import stage_page
from atdb_api.reads.stage_page import statuses_of
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import INGEST, OBSERVE, STAGES, STEPS, VALIDATE, Actor, Stage, Status, Step
from atdb_interface.observations import Observation
from tests.api.browser import Browser
from tests.gui.conftest import Open

Observe = Callable[..., Observation]


def test_a_stage_shows_what_failed_then_what_is_worked_on_then_what_waits(
    url: str, client: Client, observe: Observe
) -> None:
    waits, works, failed, other = (
        observe(status) for status in (Status.VALID, Status.VALID, Status.INGEST_ERROR, Status.ARCHIVED)
    )
    client.move(works.taskID, Status.INGESTING, owner=f"ingest/{works.taskID}-ingest-1", lease_seconds=60)
    text = Browser(url, "viewer").get("/dags/ingest/").text
    order = [text.index(f"/tasks/{made.taskID}/") for made in (failed, works, waits)]
    assert order == sorted(order)
    assert f"/tasks/{other.taskID}/" not in text
    assert f"{works.taskID}-ingest-1" in text


def test_the_page_of_a_stage_follows_its_pause(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    page = open_as("viewer", "/dags/ingest/")
    expect(page.get_by_role("link", name=made.taskID, exact=True)).to_be_visible()
    client.change_stage(Actor.INGEST, paused=True, reason="new disks")
    client.act(made.taskID, Action.CANCEL, reason="rain")
    expect(page.get_by_text("new disks")).to_be_visible()
    expect(page.get_by_text("No observation is waiting for this stage or in it.")).to_be_visible()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.actor))
def test_every_stage_has_a_page(url: str, stage: Stage) -> None:
    assert Browser(url, "viewer").get(f"/dags/{stage.actor}/").status_code == 200


def test_the_statuses_of_a_stage_are_those_of_the_lifecycle() -> None:
    assert list(statuses_of(INGEST)) == [Status.INGEST_ERROR, Status.INGESTING, Status.VALID]
    assert list(statuses_of(VALIDATE)) == [Status.INCOMPLETE, Status.CHECKING, Status.COMPLETING]
    assert set(statuses_of(OBSERVE)) == {
        Status.ERROR_TOO_LATE,
        Status.ERROR_START_OBS,
        Status.ERROR_NO_COMPLETING,
        Status.STARTING,
        Status.RUNNING,
        Status.SCHEDULED,
    }


def test_a_failed_status_from_which_its_stage_makes_a_step_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_page, "STEPS", (*STEPS, Step(Status.INCOMPLETE, Status.VALID, Actor.VALIDATE)))
    assert list(statuses_of(VALIDATE)) == [Status.INCOMPLETE, Status.CHECKING, Status.COMPLETING]


@pytest.mark.parametrize(
    ("dag", "page"), [("listen", "/services/"), ("operate", "/tasks/"), ("reconcile", "/night/"), ("x", "/night/")]
)
def test_a_dag_that_is_no_stage_leads_to_a_page_of_its_matter(url: str, dag: str, page: str) -> None:
    assert Browser(url, "viewer").get(f"/dags/{dag}/").headers["Location"] == page
