"""One action for many tasks: either exactly the changes of the preview, or none."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.gui.conftest import Open

Observe = Callable[..., Observation]


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_selected_tasks_are_changed_after_a_preview(
    open_as: Open, client: Client, observe: Observe, scripts: bool
) -> None:
    failed, running, left = observe(Status.INGEST_ERROR), observe(Status.RUNNING), observe(Status.INGEST_ERROR)
    page = open_as("operator", "/tasks/", java_script_enabled=scripts)
    for made in (failed, running):
        page.get_by_label(f"Select {made.taskID}").check()
    page.get_by_label("Action", exact=True).select_option("retry")
    page.get_by_label("Reason", exact=True).first.fill("archive repaired")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview: retry 2 observations?")
    expect(page.locator(".verdicts")).to_contain_text("1 will change")
    expect(page.locator("tr", has_text=running.taskID)).to_contain_text("refused")
    assert client.observation(failed.taskID).my_status is Status.INGEST_ERROR
    page.get_by_role("button", name="Retry 1 observation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Done: retry")
    statuses = [client.observation(made.taskID).my_status for made in (failed, running, left)]
    assert statuses == [Status.VALID, Status.RUNNING, Status.INGEST_ERROR]
    last = client.observation(failed.taskID).status_history[-1]
    assert (last.actor, last.reason) == ("operator", "archive repaired")
    page.get_by_role("link", name="Back to Tasks").click()
    expect(page.locator(f'[data-part="{failed.taskID}"] .status')).to_have_text("valid")


def test_all_that_match_a_filter_are_changed(open_as: Open, client: Client, observe: Observe) -> None:
    for _ in range(52):
        observe()
    other = observe(Status.VALID)
    page = open_as("operator", "/tasks/?my_status=defined&my_status=scheduled")
    page.get_by_label("all 52 that match").check()
    page.get_by_label("Action", exact=True).select_option("hold")
    page.get_by_label("Reason", exact=True).first.fill("storm")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Hold 52 observations").click()
    expect(page.locator(".verdicts")).to_contain_text("52 changed")
    assert client.count_observations(my_status="on hold") == 52
    assert client.observation(other.taskID).my_status is Status.VALID


def test_it_is_refused_where_the_tasks_have_changed_since_the_preview(
    open_as: Open, client: Client, observe: Observe
) -> None:
    made = [observe(), observe()]
    page = open_as("operator", "/tasks/?my_status=defined")
    page.get_by_label("all 2 that match").check()
    page.get_by_label("Action", exact=True).select_option("cancel")
    page.get_by_label("Reason", exact=True).first.fill("storm")
    page.get_by_role("button", name="Preview").click()
    client.move(made[0].taskID, Status.SCHEDULED)
    page.get_by_role("button", name="Cancel 2 observations").click()
    expect(page.get_by_role("alert")).to_contain_text("Preview again")
    assert client.count_observations(my_status="aborted") == 0
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Cancel 1 observation").click()
    expect(page.locator(".verdicts")).to_contain_text("1 changed")


@pytest.mark.parametrize(
    ("action", "says"),
    [("", "Choose an action."), ("hold", "reason: required"), ("retry", "No observation is selected.")],
)
def test_what_is_missing_is_said(open_as: Open, observe: Observe, action: str, says: str) -> None:
    observe()
    page = open_as("operator", "/tasks/", java_script_enabled=False)
    token = page.locator('input[name="csrf_token"]').first.input_value()
    answer = page.request.post("/tasks/bulk/", form={"csrf_token": token, "action": action})
    assert answer.status == 400
    assert says in answer.text()
