"""The page of the stages, services and data hosts: its content, and the controls of stages."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import text

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from atdb_interface.stages import StageState
from tests.gui.conftest import Open

Observe = Callable[..., Observation]


def state(client: Client, stage: Actor) -> StageState:
    return next(each for each in client.stages() if each.stage is stage)


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_an_operator_pauses_a_stage_and_resumes_it(open_as: Open, client: Client, scripts: bool) -> None:
    page = open_as("operator", "/services/", java_script_enabled=scripts)
    page.get_by_role("link", name="Pause ingest").click()
    page.get_by_label("Reason (required)").fill("ALTA moves")
    page.get_by_role("button", name="Pause ingest").click()
    expect(page.locator("#message")).to_contain_text("ingest is paused")
    card = page.locator(".stage", has_text="ALTA moves")
    expect(card).to_contain_text("operator, for")
    paused = state(client, Actor.INGEST)
    assert (paused.paused_by, paused.pause_reason) == ("operator", "ALTA moves")
    page.get_by_role("link", name="Resume ingest").click()
    page.get_by_role("button", name="Resume ingest").click()
    expect(page.locator("#message")).to_contain_text("ingest has been resumed")
    assert not state(client, Actor.INGEST).paused


def test_an_operator_changes_the_limits_of_a_stage(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/services/remove/")
    page.get_by_label("Concurrency limit").fill("3")
    page.get_by_label("Delay before the stage").fill("2")
    page.get_by_label("Unit of the delay").select_option("days")
    page.get_by_label("Reason", exact=True).fill("time to prevent it")
    page.get_by_role("button", name="Change limits").click()
    expect(page.locator(".stage", has_text="Remove")).to_contain_text("0 of 3 slots taken · delay 2 d")
    changed = state(client, Actor.REMOVE)
    assert (changed.slots, changed.delay_seconds, changed.paused) == (3, 2 * 86400, False)
    assert next(iter(client.changes(ordering="-id"))).reason == "time to prevent it"
    page.goto("/services/remove/")
    expect(page.get_by_label("Delay before the stage")).to_have_value("2")
    page.get_by_label("Concurrency limit").fill("")
    page.get_by_role("button", name="Change limits").click()
    expect(page.locator(".stage", has_text="Remove")).to_contain_text("no limit")


def test_a_change_of_another_operator_is_not_overwritten(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/services/ingest/")
    client.change_stage(Actor.INGEST, paused=True, reason="first")
    page.get_by_label("Reason (required)").fill("second")
    page.get_by_role("button", name="Pause ingest").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Stage ingest has changed since you opened the form: it is now paused"
    )
    assert state(client, Actor.INGEST).pause_reason == "first"


def test_what_cannot_be_read_is_said_where_it_was_typed(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/services/ingest/")
    page.get_by_label("Concurrency limit").evaluate("field => field.form.noValidate = true")
    page.get_by_label("Concurrency limit").fill("20000")
    page.get_by_role("button", name="Change limits").click()
    expect(page.get_by_role("alert")).to_contain_text("slots")
    expect(page.get_by_label("Concurrency limit")).to_have_value("20000")
    assert state(client, Actor.INGEST).slots is None


@pytest.mark.parametrize("role", ["viewer", "astronomer", "telescope", "pipeline"])
def test_only_operators_govern_stages(open_as: Open, role: str) -> None:
    page = open_as(role, "/services/")
    expect(page.locator(".stage")).to_have_count(5)
    expect(page.locator(".stage-acts")).to_have_count(0)
    page.goto("/services/ingest/")
    expect(page.get_by_role("alert")).to_contain_text("This requires the role operator or admin")


def test_there_is_no_form_for_what_is_no_stage(open_as: Open) -> None:
    page = open_as("operator", "/services/nothing/")
    expect(page.get_by_role("alert")).to_contain_text("There is no stage nothing")


def test_the_page_shows_the_work_in_progress_and_its_runs(
    open_as: Open, app: Flask, client: Client, observe: Observe
) -> None:
    app.config["AIRFLOW_URL"] = "http://airflow.example"
    made = observe(Status.VALID)
    owner = "ingest/manual__2026-04-05T06:00:00+00:00"
    page = open_as("viewer", "/services/")
    expect(page.locator('[data-part="works"]')).to_contain_text("No work is in progress")
    client.move(made.taskID, Status.INGESTING, owner=owner, lease_seconds=60)
    client.renew(made.taskID, owner, 60, done_bytes=3, total_bytes=4, trouble="the archive does not respond")
    work = page.locator('[data-part="works"] tbody tr')
    expect(work).to_contain_text("75 %")
    expect(work).to_contain_text("the archive does not respond")
    expect(work.get_by_role("link", name=owner)).to_have_attribute(
        "href", "http://airflow.example/dags/ingest/runs/manual__2026-04-05T06%3A00%3A00%2B00%3A00"
    )
    expect(page.locator(".stage", has_text="Ingest").get_by_label("1 in progress in ingest")).to_have_text("1")
    work.get_by_role("link", name=made.taskID).click()
    expect(page).to_have_url(f"/tasks/{made.taskID}/")


def test_a_service_that_is_quiet_for_a_minute_is_shown_as_gone(
    open_as: Open, app: Flask, client: Client, observe: Observe
) -> None:
    observe(Status.SCHEDULED)
    client.sign_of_life("listen", statuses=[Status.VALID], detail="looks")
    client.sign_of_life("simulator")
    client.claim(ClaimRequest(id="1", consumer="a script", statuses=[Status.SCHEDULED]))
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(text("update services set last_seen = now() - interval '61 s' where name = 'listen'"))
    page = open_as("viewer", "/services/")
    rows = page.locator('[data-part="services"] tbody tr')
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["listen", "a script", "simulator"]
    expect(rows.nth(0)).to_contain_text("not responding")
    expect(rows.nth(1)).to_contain_text("sends no heartbeat")
    expect(rows.nth(2)).to_contain_text("responding")
    client.sign_of_life("listen")
    expect(page.locator('[data-part="services"] .mark-person')).to_have_count(0)


def test_a_disk_shows_when_it_will_be_full(open_as: Open, app: Flask, client: Client) -> None:
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=40))
    with app.extensions["atdb_engine"].begin() as database:
        database.execute(text("update disk_usages set at = at - interval '1 day'"))
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=20))
    page = open_as("viewer", "/services/")
    row = page.locator(".disks tbody tr")
    expect(row).to_contain_text("80 %")
    expect(row).to_contain_text("full in 23 h 59")


def test_a_service_that_is_unable_to_work_is_shown_as_unhealthy(open_as: Open, client: Client) -> None:
    statuses = [Status.VALID, Status.ARCHIVED]
    paused = {Status.ARCHIVED: "the DAG remove is paused in Airflow"}
    client.sign_of_life("airflow listen", statuses=statuses, troubles=paused)
    client.sign_of_life("a simulator")
    page = open_as("viewer", "/services/")
    row = page.locator('[data-part="services"] tbody tr').first
    expect(row).to_contain_text("unhealthy")
    expect(row).to_contain_text("archived: the DAG remove is paused in Airflow, for")
    page.goto("/night/")
    expect(page.locator(".verdict")).to_contain_text("airflow listen is unhealthy")
    expect(page.locator("main")).to_contain_text("the DAG remove is paused in Airflow")
    client.sign_of_life("airflow listen", statuses=statuses)
    expect(page.locator(".verdict")).to_contain_text("No action needed.")
    page.goto("/services/")
    expect(page.locator('[data-part="services"] .mark-person')).to_have_count(0)
