"""The page of a task and its actions: with JavaScript, without it, and by two operators at once."""

import re
from collections.abc import Callable

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import text

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
ACTIONS = [
    (Status.DEFINED, "hold", "on hold"),
    (Status.ON_HOLD, "resume", "defined"),
    (Status.RUNNING, "cancel", "aborted"),
    (Status.INGESTING, "cancel", "ingest error"),
    (Status.INGEST_ERROR, "retry", "valid"),
    (Status.COMPLETED, "ingest", "valid"),
]


def ask(page: Page, action: str, reason: str) -> None:
    page.get_by_role("link", name=action.capitalize()).first.click()
    page.get_by_label("Reason").locator("visible=true").fill(reason)
    page.get_by_role("button", name=re.compile(f"^{action.capitalize()} →")).locator("visible=true").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
@pytest.mark.parametrize(("status", "action", "target"), ACTIONS)
def test_each_action_is_done_with_its_reason_and_said(
    open_as: Open, client: Client, observe: Observe, status: Status, action: str, target: str, scripts: bool
) -> None:
    made = observe(status)
    page = open_as("operator", f"/tasks/{made.taskID}/", java_script_enabled=scripts)
    ask(page, action, "as the night log says")
    expect(page.locator("#message")).to_contain_text(f"{made.taskID}: {action} done")
    expect(page.locator(".task-head .mark")).to_have_text(target)
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.actor, last.reason) == (target, "operator", "as the night log says")
    page.goto(f"/tasks/{made.taskID}/")
    expect(page.locator("#message")).to_be_empty()


def test_an_action_in_the_table_leaves_one_there(open_as: Open, client: Client, observe: Observe) -> None:
    made, _ = observe(Status.VALID), observe()
    page = open_as("operator", "/tasks/?ordering=taskID")
    page.get_by_label(f"Hold {made.taskID}").click()
    page.keyboard.type("the archive is down")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-part="{made.taskID}"] .status')).to_have_text("on hold")
    expect(page).to_have_url(re.compile(r"/tasks/\?ordering=taskID$"))
    assert client.observation(made.taskID).status_history[-1].reason == "the archive is down"


def test_all_of_it_goes_by_keyboard(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe(Status.INGEST_ERROR)
    page = open_as("operator", "/tasks/")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == f"Retry {made.taskID}":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == f"Retry {made.taskID}"
    page.keyboard.press("Enter")
    page.keyboard.type("repaired")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-part="{made.taskID}"] .status')).to_have_text("valid")


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_of_two_operators_the_second_learns_of_the_first(
    open_as: Open, client: Client, observe: Observe, scripts: bool
) -> None:
    made = observe(Status.VALID)
    second = open_as("admin", f"/tasks/{made.taskID}/", java_script_enabled=scripts)
    second.get_by_role("link", name="Cancel").click()
    first = open_as("operator", f"/tasks/{made.taskID}/")
    ask(first, "hold", "wait for the calibrator")
    expect(first.locator(".task-head .mark")).to_have_text("on hold")
    second.get_by_label("Reason").locator("visible=true").fill("not wanted")
    second.get_by_role("button", name="Cancel →").locator("visible=true").click()
    alert = second.get_by_role("alert").locator("visible=true")
    expect(alert).to_contain_text("operator moved it from valid to on hold")
    expect(alert).to_contain_text("wait for the calibrator")
    expect(alert).to_contain_text("resume, cancel")
    assert second.get_by_label("Reason").locator("visible=true").input_value() == "not wanted"
    assert client.observation(made.taskID).my_status is Status.ON_HOLD


def test_a_cancel_without_a_reason_is_refused_and_nothing_happens(
    open_as: Open, client: Client, observe: Observe
) -> None:
    made = observe()
    page = open_as("operator", f"/tasks/{made.taskID}/?action=cancel", java_script_enabled=False)
    ask_for = page.locator("#act form")
    ask_for.get_by_label("Reason").fill("   ")
    ask_for.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("reason: required")
    assert client.observation(made.taskID) == made


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_an_expired_session_leads_to_the_login_and_back_with_what_was_typed(
    open_as: Open, app: Flask, client: Client, observe: Observe, scripts: bool
) -> None:
    made = observe()
    page = open_as("operator", f"/tasks/{made.taskID}/", java_script_enabled=scripts)
    page.get_by_role("link", name="Hold").click()
    with app.extensions["atdb_engine"].begin() as connection:
        connection.execute(text("delete from tokens where is_session"))
    page.get_by_label("Reason").locator("visible=true").fill("snow & ice")
    page.get_by_role("button", name="Hold →").locator("visible=true").click()
    expect(page.get_by_role("alert")).to_contain_text("Log in again")
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill(SECRETS["operator"])
    page.get_by_role("button", name="Log in").click()
    form = page.locator("#act form")
    expect(form.get_by_label("Reason")).to_have_value("snow & ice")
    form.get_by_role("button").click()
    expect(page.locator(".task-head .mark")).to_have_text("on hold")
    assert client.observation(made.taskID).status_history[-1].reason == "snow & ice"


def test_an_astronomer_cancels_an_own_observation_and_has_no_other_button(
    open_as: Open, client: Client, observe: Observe, of_astronomer: Observation
) -> None:
    other = observe().taskID
    page = open_as("astronomer", "/tasks/")
    assert page.locator("[data-act]").evaluate_all("links => links.map(link => link.dataset.act)") == ["cancel"]
    assert page.locator("input[type=checkbox][name=task], #bulk").count() == 0
    for path in (f"/tasks/{other}/", f"/tasks/{other}/?action=cancel"):
        page.goto(path)
        assert page.locator("[data-act], #act").count() == 0
    page.goto(f"/tasks/{of_astronomer.taskID}/")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("wrong field")
    page.get_by_role("dialog").get_by_role("button", name="Cancel →").click()
    expect(page.locator("#message")).to_contain_text("cancel done")
    assert client.observation(of_astronomer.taskID).status_history[-1].actor == "astronomer"
    expect(page.locator("[data-act]")).to_have_count(0)


@pytest.mark.parametrize("role", ["viewer", "telescope", "pipeline"])
def test_who_may_not_act_sees_no_action_and_is_refused(open_as: Open, observe: Observe, role: str) -> None:
    made = observe()
    page = open_as(role, "/tasks/")
    assert page.locator("[data-act], input[type=checkbox][name=task], #bulk").count() == 0
    page.goto(f"/tasks/{made.taskID}/?action=hold")
    assert page.locator("[data-act], #act").count() == 0
    token = page.locator('input[name="csrf_token"]').first.input_value()
    answer = page.request.post(
        f"/tasks/{made.taskID}/", form={"csrf_token": token, "action": "hold", "reason": "x"}
    )
    assert answer.status == 403
    assert "requires the role astronomer, operator or admin" in answer.text()


def test_a_forged_form_does_nothing(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe()
    page = open_as("operator", "/tasks/")
    for path in (f"/tasks/{made.taskID}/", "/tasks/bulk/"):
        sent: dict[str, str | float | bool] = {"action": "hold", "reason": "x", "task": made.taskID}
        assert page.request.post(path, form=sent).status == 403
        assert page.request.post(path, form=sent, headers={"Origin": "https://evil.example"}).status == 403
    assert client.observation(made.taskID) == made


def test_the_page_shows_all_of_a_task_and_stays_true(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe(Status.COMPLETING, products=60, field_ra=24.5, telescopes="23456789ABCD")
    client.move(
        made.taskID, Status.CHECKING, owner="validate/manual__2026-04-05T06:10:00+00:00", lease_seconds=600
    )
    page = open_as("viewer", f"/tasks/{made.taskID}/")
    expect(page.get_by_text("24.5°")).to_be_visible()
    assert page.locator('[data-part="products"] tbody tr').count() == 50
    page.get_by_role("link", name="next").click()
    expect(page.locator('[data-part="products"] tbody tr')).to_have_count(10)
    last = f"{made.taskID}_9.fits"
    client.move_products(
        made.taskID,
        [ProductMove(filename=last, size=0, new_status=ProductStatus.INVALID, reason="it is empty")],
        owner="validate/manual__2026-04-05T06:10:00+00:00",
    )
    expect(page.locator('[data-part="products"] tr', has_text=last)).to_contain_text("it is empty")
    client.change_observation(made.id, priority=9, reason="target of opportunity")
    expect(page.locator('[data-part="changes"]')).to_contain_text("target of opportunity")
    history = page.locator('[data-part="timeline"] tbody tr')
    assert history.count() == 6
    client.act(made.taskID, Action.HOLD, reason="stop")
    expect(history).to_have_count(7)
    expect(history.first).to_contain_text("stop")
    expect(page.locator(".why")).to_contain_text("hold")


def test_runs_lead_to_airflow(database_url: str, client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="ingest/manual__2026-04-05T06:10:00+00:00")
    airflow = "https://airflow.example:8080"
    app = create_app(Config(database_url=database_url, airflow_url=airflow))
    page = app.test_client().get(f"/tasks/{made.taskID}/", auth=("viewer", SECRETS["viewer"]))
    assert f'href="{airflow}/dags/ingest/runs/manual__2026-04-05T06%3A10%3A00%2B00%3A00"' in page.text
    assert f"frame-ancestors 'self' {airflow}" in page.headers["Content-Security-Policy"]
    app.extensions["atdb_engine"].dispose()


def test_a_task_that_is_not_there_has_a_page_that_says_so(open_as: Open) -> None:
    page = open_as("viewer", "/tasks/190405034/")
    expect(page.get_by_role("alert")).to_contain_text("190405034")
    expect(page.get_by_role("link", name="All observations")).to_be_visible()


def test_no_page_is_open_to_who_has_not_logged_in(url: str, app: Flask, observe: Observe) -> None:
    made = observe()
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("gui.")]
    assert len(rules) > 5
    for rule in rules:
        address = url + rule.rule.replace("<task_id>", made.taskID)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = httpx.request(method, address, headers={"Accept": "text/html"})
            assert answer.status_code == (303 if rule.rule == "/" else 401), rule
            assert made.taskID not in re.sub(r'name="next"[^>]*', "", answer.text)


def test_what_people_asked_of_its_runs_is_shown_when_it_is_recorded(
    open_as: Open, client: Client, observe: Observe
) -> None:
    made = observe(Status.INGEST_ERROR)
    page = open_as("viewer", f"/tasks/{made.taskID}/")
    expect(page.get_by_text("No events.")).to_be_visible()
    words = f"ada asked Airflow at 2026-04-05T06:00:00Z to clear run ingest/{made.taskID}-ingest-1"
    client.raise_events([NewEvent(key="run/1", kind=EventKind.RUN, taskID=made.taskID, detail=words)])
    expect(page.get_by_role("region", name="Events").get_by_text(words)).to_be_visible()
