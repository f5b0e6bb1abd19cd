"""The forms of the browsable API, used without JavaScript."""

from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.client import Client
from atdb_interface.dataproducts import BYTE_FACTS
from atdb_interface.lifecycle import Action, Status, resume_target
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from atdb_interface.status_kinds import OF_STAGES
from tests.api.browser import ACCEPT, Browser, forms
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ADMIN = ("admin", SECRETS["admin"])
SPECIFICATION: dict[str, Any] = {
    "field_name": "M31",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": "2026-05-01T06:00:00Z",
}


@pytest.mark.parametrize(
    ("role", "on_observations", "on_products"),
    [
        ("viewer", (set(), set()), (set(), set())),
        # The observation belongs to another account.
        ("astronomer", ({"Send"}, set()), (set(), set())),
        ("telescope", (set(), set()), ({"Send"}, set())),
        # The status of a product requires the lease of a stage; only an operator can force it.
        ("pipeline", (set(), {"Move"}), ({"Send"}, {"Save"})),
        ("operator", ({"Send"}, {"Move", "Save", "Delete it"}), ({"Send"}, {"Move", "Save", "Delete it"})),
    ],
)
def test_a_page_has_the_forms_for_what_its_user_may_do(
    url: str, observe: Observe, role: str, on_observations: Any, on_products: Any
) -> None:
    made = observe(products=1)
    http = Browser(url, role)
    for resource, number, (on_the_list, on_the_item) in (
        ("observations", made.id, on_observations),
        ("dataproducts", made.generated_dataproducts[0], on_products),
    ):
        assert forms(http.get(f"/atdb/{resource}/")).keys() == {"Log out", "Filter"} | on_the_list
        assert forms(http.get(f"/atdb/{resource}/{number}/")).keys() == {"Log out"} | on_the_item


def test_an_astronomer_has_forms_for_an_observation_until_it_starts(url: str, client: Client) -> None:
    http = Browser(url, "astronomer")
    made = http.submit(http.get("/atdb/observations/"), "Send", **SPECIFICATION, duration="60")
    path = made.headers["Location"]
    (task,) = client.observations()
    page = http.get(path)
    assert forms(page).keys() == {"Log out", "Move", "Save"}
    assert set(forms(page)["Move"].choices["new_status"]) - {""} == {"aborted"}
    for status in (Status.SCHEDULED, Status.STARTING):
        client.move(task.taskID, status)
    assert forms(http.get(path)).keys() == {"Log out"}


def test_the_telescope_is_offered_to_report_how_an_observation_ended(url: str, observe: Observe) -> None:
    made = observe(Status.RUNNING)
    page = Browser(url, "telescope").get(f"/atdb/observations/{made.id}/")
    assert set(forms(page)["Move"].choices["new_status"]) - {""} == {"completing", "error (no completing)"}


@pytest.mark.parametrize(
    ("role", "may_force"), [("astronomer", False), ("telescope", False), ("pipeline", False), ("operator", True)]
)
def test_only_an_operator_is_offered_to_force_on_the_history(url: str, role: str, may_force: bool) -> None:
    form = forms(Browser(url, role).get("/atdb/status/"))["Send"]
    assert ("force" in form.fields) == may_force
    assert ("owner" in form.fields) == (role in ("pipeline", "operator"))
    assert {"taskID", "name", "reason"} <= form.fields.keys()


def test_who_is_in_no_session_gets_no_forms(database_url: str, url: str, observe: Observe) -> None:
    address = f"/atdb/observations/{observe().id}/"
    assert not forms(httpx.get(url + address, headers={"Accept": ACCEPT}, auth=ADMIN))
    app = create_app(Config(database_url=database_url, anonymous_role=Role.OPERATOR))
    page = app.test_client().get(address, headers={"Accept": ACCEPT})
    assert page.status_code == 200
    assert "<form" not in page.text
    app.extensions["atdb_engine"].dispose()


def test_the_past_has_no_forms(url: str, observe: Observe) -> None:
    made = observe()
    now = made.creationTime.isoformat()
    page = Browser(url, "operator").get(f"/atdb/observations/{made.id}/", params={"as_of": now})
    assert page.status_code == 200
    assert forms(page).keys() == {"Log out"}


def test_an_observation_is_made_by_a_form(url: str, client: Client) -> None:
    http = Browser(url, "astronomer")
    typed = {**SPECIFICATION, "duration": "60", "options": '{"ndps": 2}', "skip_auto_ingest": "true"}
    made = http.submit(http.get("/atdb/observations/"), "Send", **{**typed, "field_ra": "12.5"})
    page = http.follow(made)
    assert page.url.path == made.headers["Location"] == "/atdb/observations/1/"
    (there,) = client.observations()
    assert there.field_name == "M31"
    assert there.field_ra == 12.5
    assert there.options == {"ndps": 2}
    assert there.skip_auto_ingest
    assert there.field_ha is None


def test_a_form_that_failed_says_why_and_keeps_what_was_typed(url: str, client: Client) -> None:
    http = Browser(url, "astronomer")
    page = http.get("/atdb/observations/")
    answer = http.submit(page, "Send", **SPECIFICATION, duration="60", telescopes="XYZ", options=HOSTILE)
    assert answer.status_code == 400
    assert "options: not JSON" in answer.text
    answer = http.submit(answer, "Send", options="")
    assert "telescopes: String should match" in unescape(answer.text)
    form = forms(answer)["Send"]
    assert form.fields["telescopes"] == "XYZ"
    assert form.fields["field_name"] == "M31"
    assert not list(client.observations())
    answer = http.submit(answer, "Send", telescopes="23", options='{"ndps": 0}')
    assert ">ndps: 0 is not" in unescape(answer.text)
    assert http.submit(answer, "Send", options="").status_code == 303


def test_an_edit_sends_only_what_was_edited(url: str, client: Client, observe: Observe) -> None:
    made = observe(node="before", options={"process_triggers": [1, {"b": "c"}]})
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    client.change_observation(made.id, node="by another")
    answer = http.submit(page, "Save", priority="7", reason="urgent", field_name="")
    assert answer.headers["Location"] == f"/atdb/observations/{made.id}/"
    now = client.observation(made.taskID)
    assert (now.priority, now.node, now.field_name) == (7, "by another", made.field_name)
    (change,) = httpx.get(f"{url}/atdb/changes/?actor=operator", auth=ADMIN).json()["results"]
    assert change["fields"] == {"priority": [0, 7]}
    assert change["reason"] == "urgent"


def test_an_edit_that_failed_can_be_corrected(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Save", node="x", endtime="2020-01-01T00:00:00Z")
    assert answer.status_code == 400
    assert "the end is not after the start" in answer.text
    assert forms(answer)["Save"].fields["node"] == "x"
    assert http.submit(answer, "Save", endtime=forms(page)["Save"].fields["endtime"]).status_code == 303
    assert client.observation(made.taskID).node == "x"


@pytest.mark.parametrize("status", [Status.DEFINED, Status.CHECKING, Status.INGEST_ERROR])
def test_the_move_form_offers_a_pipeline_the_steps_of_stages(url: str, observe: Observe, status: Status) -> None:
    made = observe(status)
    page = Browser(url, "pipeline").get(f"/atdb/observations/{made.id}/")
    following = {target for source, target in OF_STAGES if source is status}
    assert set(forms(page)["Move"].choices["new_status"]) - {""} == following
    assert "force" not in forms(page)["Move"].unchecked


@pytest.mark.parametrize("held", [Status.CHECKING, Status.INGESTING, Status.REMOVING])
def test_after_a_hold_of_work_the_move_form_leads_back_to_before_the_work(
    url: str, client: Client, observe: Observe, held: Status
) -> None:
    made = observe(held)
    client.act(made.taskID, Action.HOLD, reason="storm")
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    back = resume_target(held)
    assert back in forms(page)["Move"].choices["new_status"]
    assert http.submit(page, "Move", new_status=back, reason="the storm is over").status_code == 303
    assert client.observation(made.taskID).my_status is back


def test_a_move_by_a_form_is_in_the_history(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Move", new_status="on hold", reason="wind")
    assert http.follow(answer).status_code == 200
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.actor, last.reason, last.forced) == ("on hold", "operator", "wind", False)


def test_a_move_that_is_refused_shows_what_may_follow_now(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "pipeline")
    page = http.get(f"/atdb/observations/{made.id}/")
    client.move(made.taskID, Status.ABORTED)
    answer = http.submit(page, "Move", new_status="scheduled", reason="please")
    assert answer.status_code == 409
    assert f"Cannot move {made.taskID} from aborted to scheduled. Allowed: none." in answer.text
    assert "Move" not in forms(answer)


def test_an_operator_forces_a_move_with_a_reason(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Move", new_status="completing", force="true")
    assert answer.status_code == 400
    assert "a forced move requires a reason" in answer.text
    form = forms(answer)["Move"]
    assert (form.fields["new_status"], form.fields["force"]) == ("completing", "true")
    assert http.submit(answer, "Move", reason="found it there").status_code == 303
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.reason, last.forced) == ("completing", "found it there", True)


def test_an_operator_forces_the_status_of_a_data_product_by_a_form(
    url: str, client: Client, observe: Observe
) -> None:
    (product,) = observe(products=1).generated_dataproducts
    http = Browser(url, "operator")
    page = http.get(f"/atdb/dataproducts/{product}/")
    assert set(forms(page)["Move"].choices["new_status"]) == {"", "valid", "invalid", "ingest error"}
    answer = http.submit(page, "Move", new_status="invalid", reason="the disk is broken")
    assert answer.status_code == 409
    assert "an operator can force the status invalid" in answer.text
    page = http.follow(http.submit(answer, "Move", force="true"))
    assert set(forms(page)["Move"].choices["new_status"]) == {"", "defined", "valid", "ingest error"}
    assert client.dataproduct(product).my_status == "invalid"


@pytest.mark.parametrize("role", ["pipeline", "operator"])
def test_no_form_offers_facts_about_data(url: str, client: Client, observe: Observe, role: str) -> None:
    (product,) = observe(products=1).generated_dataproducts
    http = Browser(url, role)
    page = http.get(f"/atdb/dataproducts/{product}/")
    fields = forms(page)["Save"].fields
    assert not {*BYTE_FACTS, "owner", "new_status"} & set(fields)
    assert {"quality", "description"} <= set(fields)
    assert ("Move" in forms(page)) == (role == "operator")
    assert http.submit(page, "Save", quality="good").status_code == 303
    assert client.dataproduct(product).quality == "good"


def test_an_observation_is_deleted_by_a_form(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    answer = http.submit(http.get(f"/atdb/observations/{made.id}/"), "Delete it")
    assert http.follow(answer).url.path == "/atdb/observations/"
    assert not list(client.observations())


def test_a_token_is_made_and_deleted_on_pages(url: str) -> None:
    http = Browser(url, "viewer")
    made = http.submit(http.get("/atdb/tokens/"), "Send", name="my script", days="30")
    assert made.status_code == 201
    assert "atdb_" in made.text
    page = http.get("/atdb/tokens/")
    assert "my script" in page.text
    assert "my script" not in http.follow(http.submit(page, "Delete")).text


def test_many_are_changed_by_forms(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    ask = {"filters": '{"my_status": "defined"}', "change": '{"new_status": "scheduled"}'}
    preview = http.submit(http.get("/atdb/observations/bulk/"), "Send", **ask)
    assert preview.status_code == 200
    token = unescape(preview.text).partition('"token": "')[2][:64]
    assert http.submit(preview, "Send", **ask, token=token).status_code == 200
    assert client.observation(made.taskID).my_status is Status.SCHEDULED


@pytest.mark.parametrize("token", [{}, {"csrf_token": "wrong"}, {"csrf_token": ""}])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_without_the_sessions_token_nothing_is_done(
    url: str, client: Client, observe: Observe, method: str, token: dict[str, str]
) -> None:
    made = observe()
    http = Browser(url, "operator")
    address = "/atdb/observations/" if method == "POST" else f"/atdb/observations/{made.id}/?_method={method}"
    answer = http.post(address, data={**SPECIFICATION, "duration": "60", "node": "forged", **token})
    assert answer.status_code == 403
    assert "forged" not in answer.text
    assert forms(answer).keys() == {"Log out"}
    assert list(client.observations()) == [made]


def test_a_form_of_another_site_does_nothing(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    address = f"/atdb/observations/{made.id}/?_method=DELETE"
    fields = forms(http.get(address.partition("?")[0]))["Delete it"].fields
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert http.post(address, data=fields, headers=headers).status_code == 403
    assert list(client.observations()) == [made]
    assert http.post(address, data=fields).status_code == 303


def test_only_a_form_in_a_session_means_another_method(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    address = f"/atdb/observations/{made.id}/?_method=DELETE"
    http = Browser(url, "operator")
    token = forms(http.get("/atdb/"))["Log out"].fields["csrf_token"]
    assert http.post(address, json={}, headers={"X-CSRF-Token": token}).status_code == 405
    assert http.get(address).status_code == 400
    assert (
        http.post(address, data={"csrf_token": token}, auth=("operator", SECRETS["operator"])).status_code == 405
    )
    assert httpx.post(url + address, data={"x": "y"}, auth=ADMIN).status_code == 405
    assert httpx.post(url + address, data={"x": "y"}).status_code == 405
    for method in ("GET", "PUT", "TRACE", "delete"):
        answer = http.post(f"/atdb/observations/{made.id}/?_method={method}", data={"csrf_token": token})
        assert answer.status_code == 405
    assert list(client.observations()) == [made]


def test_a_form_of_a_program_is_not_read(url: str, client: Client) -> None:
    answer = httpx.post(f"{url}/atdb/observations/", data={**SPECIFICATION, "duration": "60"}, auth=ADMIN)
    assert answer.status_code == 415
    assert not list(client.observations())
