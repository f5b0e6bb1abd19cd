"""The diagram of the lifecycle: drawn from its table, with the present numbers."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from playwright.sync_api import Page, expect

from atdb_api.gui.overviews.diagram import BOX_HEIGHT, draw, normal_route
from atdb_interface.client import Client
from atdb_interface.lifecycle import CANCELLABLE, STEPS, Actor, Status, Step
from atdb_interface.observations import Observation
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
S = Status


class More(StrEnum):
    """Statuses that do not exist yet."""

    QUALIFYING = "qualifying"
    QUALITY_ERROR = "quality error"
    FORGOTTEN = "forgotten"


def box(page: Page, status: str) -> Any:
    return page.locator(".flow a.status", has=page.get_by_text(status, exact=True))


def test_the_normal_way_is_found_in_the_table() -> None:
    assert normal_route(STEPS) == [
        S.DEFINED, S.SCHEDULED, S.STARTING, S.RUNNING, S.COMPLETING, S.CHECKING, S.VALID, S.INGESTING,
        S.ARCHIVED, S.REMOVING, S.REMOVED,
    ]  # fmt: skip


def test_no_two_statuses_are_in_the_same_place() -> None:
    drawing = draw(STEPS)
    assert sorted(box.status for box in drawing.boxes) == sorted(Status)
    assert len({(box.x, box.y) for box in drawing.boxes}) == len(Status)
    assert all(0 <= box.y <= drawing.height - BOX_HEIGHT for box in drawing.boxes)
    assert all(0 <= box.x <= drawing.width - box.width for box in drawing.boxes)


def test_a_new_status_appears_automatically() -> None:
    new = cast(Any, More)
    steps = [step for step in STEPS if (step.source, step.target) != (S.VALID, S.INGESTING)]
    steps += [
        Step(S.VALID, new.QUALIFYING, Actor.VALIDATE),
        Step(new.QUALIFYING, S.INGESTING, Actor.INGEST),
        Step(new.QUALIFYING, new.QUALITY_ERROR, Actor.VALIDATE),
        Step(new.QUALITY_ERROR, S.VALID, Actor.OPERATOR),
    ]
    drawing = draw(steps, [*Status, *new])
    places = {str(box.status): box for box in drawing.boxes}
    assert places["valid"].y < places["qualifying"].y < places["ingesting"].y
    assert places["qualifying"].x == places["valid"].x < places["quality error"].x
    assert "forgotten" in places
    drawn = {(str(arrow.step.source), str(arrow.step.target)) for arrow in drawing.arrows}
    assert {("valid", "qualifying"), ("qualifying", "quality error"), ("quality error", "valid")} <= drawn


def test_every_status_shows_how_many_have_it_and_leads_to_them(open_as: Open, observe: Observe) -> None:
    observe(S.VALID)
    failed = observe(S.INGEST_ERROR)
    page = open_as("viewer", "/flow/")
    expect(page.locator(".flow a.status")).to_have_count(len(Status))
    expect(box(page, "valid").locator(".number")).to_have_text("1")
    expect(box(page, "aborted")).to_contain_text(f"from any of {len(CANCELLABLE)}")
    expect(box(page, "on hold")).to_contain_text("and back")
    box(page, "ingest error").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url("/tasks/?my_status=ingest+error")
    expect(page.locator("tbody .id")).to_have_text([failed.taskID])


def test_the_numbers_are_those_of_now(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe()
    page = open_as("viewer", "/flow/")
    box(page, "defined").focus()
    client.move(made.taskID, S.SCHEDULED)
    client.change_stage(Actor.OBSERVE, paused=True, reason="storm")
    expect(box(page, "scheduled").locator(".number")).to_have_text("1")
    expect(page.locator(".by.paused").first).to_have_text("observe is paused")
    expect(box(page, "defined")).to_be_focused()


def test_a_phone_shows_a_table(open_as: Open, observe: Observe) -> None:
    observe(S.RUNNING)
    page = open_as("viewer", "/flow/", viewport={"width": 375, "height": 812})
    expect(page.locator(".flow")).to_be_hidden()
    row = page.locator(".flow-table tr", has=page.get_by_role("link", name="running", exact=True))
    expect(row.locator("td").nth(1)).to_have_text("1")
