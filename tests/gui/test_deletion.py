"""The page of the deletion switch, and the banner on the pages Services and Night while deletion is off."""

import pytest
from playwright.sync_api import expect

from atdb_interface.client import Client
from tests.gui.conftest import Open

WHY = "the archive reports silent errors"
OFF = "Deletion is switched off"


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
def test_an_operator_switches_deletion_off_and_on(open_as: Open, client: Client, scripts: bool) -> None:
    page = open_as("operator", "/services/", java_script_enabled=scripts)
    expect(page.locator(".deletion-off")).to_have_count(0)
    page.get_by_role("link", name="Switch all deletion off").click()
    expect(page.locator("#h-deletion")).to_contain_text("on")
    page.get_by_label("Reason (required)").fill(WHY)
    page.get_by_role("button", name="Switch all deletion off").click()
    expect(page.locator("#message")).to_contain_text("Deletion has been switched off.")
    expect(page.locator("#h-deletion")).to_contain_text("off")
    expect(page.locator(".deletion")).to_contain_text("operator switched it off on 20")
    off = client.deletion()
    assert (off.allowed, off.stopped_by, off.reason) == (False, "operator", WHY)
    page.goto("/services/")
    expect(page.locator(".deletion-off")).to_contain_text(f"{OFF} by operator for")
    expect(page.locator(".deletion-off")).to_contain_text(WHY)
    expect(page.locator(".stage", has_text="Remove")).to_contain_text("deletion is off")
    page.get_by_role("link", name="Switch it on").click()
    page.get_by_role("button", name="Switch deletion on").click()
    expect(page.locator("#message")).to_contain_text("Deletion has been switched on.")
    assert client.deletion().allowed


def test_an_open_page_shows_the_banner_without_a_reload(open_as: Open, client: Client) -> None:
    page = open_as("viewer", "/services/")
    expect(page.locator("[data-part=deletion]")).to_contain_text("Deletion from the data hosts is on.")
    client.change_deletion(allowed=False, reason=WHY)
    expect(page.locator(".deletion-off")).to_contain_text(WHY)
    client.change_deletion(allowed=True)
    expect(page.locator(".deletion-off")).to_have_count(0)


def test_the_night_page_shows_that_deletion_is_off(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/night/")
    expect(page.locator(".verdict")).to_contain_text("No action needed.")
    client.change_deletion(allowed=False, reason=WHY)
    expect(page.locator(".verdict")).to_contain_text("deletion is switched off")
    expect(page.locator("[data-part=machines]")).to_contain_text(WHY)
    page.get_by_role("link", name="Switch deletion on").click()
    expect(page).to_have_url("/deletion/")


@pytest.mark.parametrize("role", ["viewer", "astronomer", "telescope", "pipeline"])
def test_other_users_see_the_state_and_no_button(open_as: Open, client: Client, role: str) -> None:
    page = open_as(role, "/deletion/")
    expect(page.locator("main")).to_contain_text("Only operators can change this.")
    expect(page.locator("main button")).to_have_count(0)
    page.goto("/services/")
    expect(page.get_by_role("link", name="Switch all deletion off")).to_have_count(0)
    client.change_deletion(allowed=False, reason=WHY)
    page.goto("/services/")
    page.locator(".deletion-off").get_by_role("link", name="Details").click()
    expect(page.locator(".deletion")).to_contain_text(WHY)


def test_what_another_operator_has_changed_is_not_overwritten(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/deletion/")
    client.change_deletion(allowed=False, reason="first")
    page.get_by_label("Reason (required)").fill("second")
    page.get_by_role("button", name="Switch all deletion off").click()
    expect(page.get_by_role("alert")).to_contain_text("The switch has changed since you opened the form")
    assert client.deletion().reason == "first"
    page.goto("/deletion/")
    client.change_deletion(allowed=True)
    client.change_deletion(allowed=False, reason="for another reason")
    page.get_by_role("button", name="Switch deletion on").click()
    expect(page.get_by_role("alert")).to_contain_text("Your change was not made.")
    assert client.deletion().reason == "for another reason"


def test_a_blank_reason_is_refused_where_it_was_typed(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/deletion/")
    page.get_by_label("Reason (required)").fill("  ")
    page.get_by_role("button", name="Switch all deletion off").click()
    expect(page.get_by_role("alert")).to_contain_text("reason")
    assert client.deletion().allowed


def test_the_page_stays_usable_with_a_long_reason_on_a_phone(open_as: Open, client: Client) -> None:
    client.change_deletion(allowed=False, reason="x" * 4000)
    for path in ("/services/", "/night/", "/deletion/"):
        page = open_as("operator", path, viewport={"width": 375, "height": 812})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
