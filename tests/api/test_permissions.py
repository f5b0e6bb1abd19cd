"""All endpoints with all roles and all ways to log in do what the table in docs/permissions.md says."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.openapi.permissions import Scheme, markdown
from atdb_api.rest import auth
from atdb_api.rest.auth import CSRF_HEADER
from atdb_api.rest.endpoint import contracts
from atdb_api.services import accounts
from atdb_interface.actions import ACTIONS, Action
from atdb_interface.bulk import ObservationBulk
from atdb_interface.client import Client
from atdb_interface.errors import Forbidden
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation, ObservationChange
from atdb_interface.roles import Capability, Role
from tests.api.browser import Browser, forms
from tests.conftest import SECRETS

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
_HEADER = "| endpoint | capability | anonymous | "


def documented() -> dict[tuple[str, str], dict[str, str]]:
    """Return the cells of the document's table, by path and method and then by column."""
    lines = DOCUMENT.read_text().partition(_HEADER)[2].splitlines()
    columns = ["anonymous", *(column.strip() for column in lines[0].strip(" |").split("|"))]
    table = {}
    for line in lines[2:]:
        endpoint, _, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        method, path = endpoint.strip("`").split()
        table[path, method] = dict(zip(columns, cells, strict=True))
    return table


def is_documented(cell: str, scheme: Scheme) -> bool:
    return cell == "yes" or scheme in cell.split(", ")


def logged_in(app: Flask, url: str, role: Role, scheme: Scheme) -> httpx.Client:
    """Open a client that authenticates in one of the ways."""
    http = httpx.Client(base_url=url)
    match scheme:
        case Scheme.BASIC:
            http.auth = httpx.BasicAuth(role, SECRETS[role])
        case Scheme.BEARER:
            with app.app_context(), transaction() as session:
                _, secret = accounts.make_token(session, role, "test", timedelta(days=1), actor="tests")
            http.headers["Authorization"] = f"Bearer {secret}"
        case Scheme.COOKIE:
            me = http.post("/atdb/login/", json={"name": role, "password": SECRETS[role]})
            http.headers[CSRF_HEADER] = me.json()["csrf_token"]
    return http


@pytest.mark.parametrize("scheme", [scheme for scheme in Scheme if scheme is not Scheme.NONE])
@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_the_table_says(app: Flask, url: str, role: Role, scheme: Scheme) -> None:
    for (path, method), cells in documented().items():
        http = logged_in(app, url, role, scheme)
        answer = http.request(method, re.sub("<[^>]*>", "999999999", path), json={})
        http.close()
        refused = answer.status_code in (401, 403) and not path.startswith("/atdb/login")
        assert refused != is_documented(cells[role], scheme), (method, path, answer.text)
        assert answer.status_code < 500, (method, path, answer.text)
        if refused:
            assert answer.status_code == 403, (method, path)


def test_who_does_not_log_in_may_do_nothing(url: str) -> None:
    for (path, method), cells in documented().items():
        answer = httpx.request(method, url + re.sub("<[^>]*>", "999999999", path), json={})
        assert (answer.status_code == 401) != is_documented(cells["anonymous"], Scheme.NONE), (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_to_force_takes_an_operator(app: Flask, url: str, role: Role) -> None:
    forced = {"new_status": "valid", "force": True, "reason": "tests"}
    requests = [
        ("PATCH", "/atdb/observations/999999999/", forced),
        ("PATCH", "/atdb/dataproducts/999999999/", forced),
        ("POST", "/atdb/status/", {"taskID": "999999999", "name": "valid", "force": True, "reason": "tests"}),
        ("POST", "/atdb/dataproducts/moves/", {"taskID": "999999999", "moves": [{"filename": "a", **forced}]}),
    ]
    http = logged_in(app, url, role, Scheme.BASIC)
    for method, path, body in requests:
        assert http.request(method, path, json=body).status_code == (404 if role.may(Capability.OPERATE) else 403)
    http.close()


@pytest.mark.parametrize("for_many", [False, True])
def test_an_action_takes_the_capability_of_its_row(
    url: str,
    client: Client,
    observe: Callable[..., Observation],
    monkeypatch: pytest.MonkeyPatch,
    for_many: bool,
) -> None:
    task_id = observe(Status.VALID).taskID
    row, admins = ACTIONS[Action.CANCEL], Capability.ADMINISTER
    for_admins = replace(row, needs_for_many=admins) if for_many else replace(row, needs=admins)
    monkeypatch.setattr(auth, "ACTIONS", {**ACTIONS, Action.CANCEL: for_admins})
    cancel = ObservationChange(action=Action.CANCEL, reason="rain")
    many = ObservationBulk(filters={"taskID": task_id}, change=cancel)
    with Client(url, user="operator", secret=SECRETS["operator"]) as operator:
        requests: dict[bool, Callable[[], object]] = {
            False: lambda: operator.act(task_id, Action.CANCEL, reason="rain"),
            True: lambda: operator.preview_observations(many),
        }
        with pytest.raises(Forbidden, match="requires the role admin"):
            requests[for_many]()
        assert requests[not for_many]()
        assert operator.observation(task_id).my_status is (Status.ABORTED if for_many else Status.VALID)
    if not for_many:
        assert client.act(task_id, Action.CANCEL, reason="rain").my_status is Status.ABORTED


def test_an_unknown_action_is_refused(url: str, of_astronomer: Observation) -> None:
    http = Browser(url, "operator")
    path = f"/tasks/{of_astronomer.taskID}/"
    page_forms = forms(http.get(path, params={"action": "hold"}))
    form = next(form for form in page_forms.values() if form.fields.get("action") == "hold")
    answer = http.post(path, data=form.fields | {"action": "dance", "reason": "rain"})
    assert 400 <= answer.status_code < 500, answer.text


def test_an_endpoint_without_a_contract_does_not_exist(app: Flask) -> None:
    open_to_all = {"static", "swagger_ui.show", "bootstrap.static"}
    with app.app_context():
        described = {path for path, _ in contracts()}
    undescribed = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule not in described}
    pages = {endpoint for endpoint in undescribed if endpoint.startswith("gui.")}  # tests/gui has a test of each
    assert undescribed - pages <= open_to_all


def test_the_document_has_all_endpoints(app: Flask) -> None:
    with app.app_context():
        assert markdown() in DOCUMENT.read_text()
