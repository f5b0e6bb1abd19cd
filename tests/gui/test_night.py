"""The night page: observations that need attention, grouped by cause; without any, it says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import text

from atdb_api.reads.causes import cause_key
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
AWAY = "ArchiveError: copying {0}_B003.MS to s3://alta/{0} failed in 3 attempts: the archive does not respond"


def fail(client: Client, made: Observation, reason: str) -> None:
    client.move(made.taskID, Status.INGESTING)
    client.move(made.taskID, Status.INGEST_ERROR, reason=reason)


def age(app: Flask, days: int) -> None:
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(
            text("update observations set status_since = status_since - make_interval(days => :days)"),
            {"days": days},
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (AWAY.format("WSRT190405034"), AWAY.format("WSRT261122001")),
        ("3 of 40 products are missing: A1.MS and 2 more", "1 of 12 products are missing: B7.MS and 9 more"),
        ("lost since 2026-04-05T06:00:00Z; was 12 %", "lost since 2026-04-06T16:20:01Z; was 3 %"),
        ("[Errno 28] No space left: '/data/a b/c.MS'", "[Errno 28]  No\nspace left: '/data/9 b/c.MS'"),
    ],
)
def test_reasons_that_differ_in_names_and_numbers_are_one_cause(one: str, other: str) -> None:
    assert cause_key(one) == cause_key(other)


def test_other_words_are_another_cause() -> None:
    reasons = ("the disk is full", "the archive is full", "the archive is full: 3")
    causes = {cause_key(reason) for reason in reasons}
    assert len(causes) == 3


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("90 s past the start", "TooLate: The run began 75 s after the start."),
        (
            "IngestError: 1 of 3 data products failed, first A3.MS: ArchiveError: the archive /alta is not there",
            "ArchiveNotMounted: 2 of 9 data products are not in the archive. Mount /alta2, then retry.",
        ),
        (
            "RemoveError: 1 of 3 data products stay, first A3.MS: OSError: [Errno 5] I/O error: '/data/1'",
            "OSError: 2 of 2 data products are left. The first is B1.MS: “[Errno 5] I/O error: '/data/2'”.",
        ),
        ("the telescope has it as failed: dish 4 is stuck", "TelescopeFailed: It says “failed: dish 7 is stuck”."),
    ],
)
def test_a_reworded_reason_is_the_same_cause_as_the_one_of_an_earlier_version(former: str, present: str) -> None:
    assert cause_key(former) == cause_key(present)


def test_what_another_program_says_is_a_cause_of_its_own() -> None:
    texts = ("failed: no beam", "failed: no disk", "stopped")
    assert len({cause_key(f"TelescopeFailed: It says “{words}”.") for words in texts}) == 3


def test_an_empty_night_needs_no_action(open_as: Open, client: Client, observe: Observe) -> None:
    observe(Status.REMOVED)
    observe(Status.ABORTED)
    client.sign_of_life("listen")
    page = open_as("operator", "/night/")
    expect(page.locator(".verdict p")).to_have_text("No action needed.")
    for words in (
        "No observation is in progress",
        "No observation is scheduled",
        "No stage is paused",
        "All services are responding",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    client.change_stage(Actor.REMOVE, paused=True, reason="storm")
    expect(page.locator(".verdict")).to_contain_text("remove is paused")
    expect(page.locator('[data-part="machines"]')).to_contain_text("by admin for")


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_all_that_failed_for_one_cause_are_retried_by_one_request(
    open_as: Open, client: Client, observe: Observe, scripts: bool
) -> None:
    made = [observe(Status.VALID) for _ in range(5)]
    for each in made[:4]:
        fail(client, each, AWAY.format(each.taskID))
    fail(client, made[4], "the disk is full")
    page = open_as("operator", "/night/", java_script_enabled=scripts)
    expect(page.locator(".verdict")).to_contain_text("5 observations need attention (2 causes)")
    groups = page.locator(".group")
    assert groups.locator(".group-count").all_inner_texts() == ["4", "1"]
    expect(groups.first).to_contain_text("failed in … attempts: the archive does not respond")
    expect(groups.first).to_contain_text(f"For example: {AWAY.format(made[0].taskID)}")
    expect(groups.first.get_by_role("link", name="1 more")).to_be_visible()
    groups.first.get_by_role("button", name="Retry 4").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview: retry 4 observations?")
    page.get_by_role("button", name="Retry 4 observations").click()
    assert {client.observation(each.taskID).my_status for each in made[:4]} == {Status.VALID}
    assert "the archive does not respond" in client.observation(made[0].taskID).status_history[-1].reason
    assert client.observation(made[4].taskID).my_status is Status.INGEST_ERROR
    page.get_by_role("link", name="Back to Tasks").click()
    expect(page).to_have_url("/night/")
    expect(page.locator(".group")).to_have_count(1)


def test_what_is_to_be_decided_can_be_ingested(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe(Status.COMPLETED)
    page = open_as("operator", "/night/")
    page.get_by_role("button", name="Ingest 1").click()
    page.get_by_role("button", name="Ingest 1 observation").click()
    assert client.observation(made.taskID).my_status is Status.VALID


@pytest.mark.parametrize("role", ["viewer", "astronomer", "telescope", "pipeline"])
def test_who_may_not_retry_sees_no_button(open_as: Open, client: Client, observe: Observe, role: str) -> None:
    fail(client, observe(Status.VALID), "the disk is full")
    page = open_as(role, "/night/")
    expect(page.locator(".group")).to_have_count(1)
    expect(page.locator("main button")).to_have_count(0)


def test_what_is_overdue_says_why_as_its_own_page_does(
    open_as: Open, app: Flask, client: Client, observe: Observe
) -> None:
    held, waits = observe(Status.VALID), [observe(Status.VALID) for _ in range(3)]
    working, lost, scheduled = observe(Status.COMPLETING), observe(Status.VALID), observe(Status.SCHEDULED)
    client.sign_of_life("listen", statuses=[Status.VALID, Status.INGESTING])
    client.act(held.taskID, Action.HOLD, reason="the PI looks first")
    client.move(working.taskID, Status.CHECKING, owner="validate/run 1", lease_seconds=600)
    client.move(lost.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=600)
    client.change_stage(Actor.INGEST, slots=1)
    age(app, 9)
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(text("update leases set expires_at = now() - interval '1 h' where owner like 'ingest%'"))
    page = open_as("operator", "/night/")
    expect(page.locator(".verdict")).to_contain_text("7 are overdue")
    shown = page.locator(".late-why").all_inner_texts()
    for each in (held, working, lost, waits[0], waits[1], scheduled):
        why = client.why(each.taskID).why
        assert why in shown, (why, shown)
    expect(page.locator(".lates li", has_text=waits[0].taskID)).to_contain_text("for 9 d")


def test_overdue_observations_are_together_if_their_reasons_have_one_cause(
    open_as: Open, app: Flask, client: Client, observe: Observe
) -> None:
    held = [observe(Status.VALID) for _ in range(3)]
    for made, reason in zip(held, ("moon above 30", "moon above 45", "the PI looks first"), strict=True):
        client.act(made.taskID, Action.HOLD, reason=reason)
    ingesting = [observe(Status.VALID) for _ in range(3)]
    troubles = ("DataHostNotMounted: a is not mounted", "DataHostNotMounted: Worded otherwise", "DataGrown: b")
    for number, (made, trouble) in enumerate(zip(ingesting, troubles, strict=True)):
        client.move(made.taskID, Status.INGESTING, owner=f"ingest/run {number}", lease_seconds=3600)
        client.renew(made.taskID, f"ingest/run {number}", 3600, trouble=trouble)
    age(app, 9)
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(text("update leases set expires_at = now() + interval '1 h'"))
    page = open_as("operator", "/night/")
    groups = page.locator(".lates li")
    expect(groups).to_have_count(4)
    for together in (held[:2], held[2:], ingesting[:2], ingesting[2:]):
        group = groups.filter(has_text=together[0].taskID)
        for made in together:
            expect(group).to_contain_text(made.taskID)


def test_it_shows_what_observes_now_and_what_is_next(open_as: Open, observe: Observe) -> None:
    now = datetime.now(UTC)
    running = observe(
        Status.RUNNING, starttime=(now - timedelta(hours=1)).isoformat(), duration=4 * 3600, name="now"
    )
    for hours in (2, 3, 4, 5):
        observe(Status.SCHEDULED, starttime=(now + timedelta(hours=hours)).isoformat(), name=f"in {hours}")
    page = open_as("viewer", "/night/")
    expect(page.locator(".telescope-now")).to_contain_text(running.taskID)
    expect(page.locator(".telescope-now .countdown")).to_contain_text("in 2 h 59")
    expect(page.locator(".telescope-now progress")).to_have_attribute("value", "25")
    assert page.locator(".telescope-next .telescope-name").all_inner_texts() == ["in 2", "in 3", "in 4"]
    expect(page.locator(".telescope-next time").first).to_contain_text("in 1 h 59")


def test_a_countdown_continues_on_an_open_page(open_as: Open, observe: Observe) -> None:
    start = datetime.now(UTC) + timedelta(seconds=40)
    observe(Status.SCHEDULED, starttime=start.isoformat())
    page = open_as("viewer", "/night/")
    first = page.locator(".telescope-next time").inner_text()
    expect(page.locator(".telescope-next time")).not_to_have_text(first)


def test_silent_services_full_disks_and_events_are_shown(open_as: Open, app: Flask, client: Client) -> None:
    client.sign_of_life("listen")
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=40))
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(text("update services set last_seen = now() - interval '5 min'"))
        database.execute(text("update disk_usages set at = at - interval '2 days'"))
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=10))
    client.raise_events([NewEvent(key="b", kind=EventKind.BRAKE, detail="ingest was paused: 5 of 6 failed")])
    page = open_as("viewer", "/night/")
    expect(page.locator(".verdict")).to_contain_text("listen is not responding")
    expect(page.locator(".verdict")).to_contain_text("wcudata1 is full in 15 h 59")
    expect(page.locator('[data-part="events"]')).to_contain_text("ingest was paused: 5 of 6 failed")
    client.raise_events([NewEvent(key="r", kind=EventKind.REPAIR, detail="available to claim again")])
    expect(page.locator(".events li").first).to_contain_text("available to claim again")
