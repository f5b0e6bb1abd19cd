"""Every page needs at most ten database statements, with any content."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from atdb_api.gui import NAVIGATION
from atdb_interface.lifecycle import Status
from tests import night_reports
from tests.conftest import SECRETS
from tests.gui import history
from tests.gui.conftest import statements_of

MOST = 10
#: The parts of URLs after a taskID.
OF_A_TASK = ("", "?action=hold", "parts/", "?products=2")
PATHS = (
    "/tasks/",
    "/tasks/?my_status=removed&observing_mode=imaging&size__gte=1 GB&ordering=size",
    "/tasks/?overdue=true",
    "/tasks/rows/?known=&newest=0",
    "/tasks/bulk/",
    "/tasks/of-run/?dag=ingest&run=run 1",
    "/tasks/of-run/parts/?dag=ingest&run=run 1",
    "/dags/ingest/",
    "/dags/ingest/parts/",
    "/night/",
    "/night/parts/",
    "/plan/",
    "/plan/parts/",
    "/flow/",
    "/flow/parts/",
    "/services/",
    "/services/ingest/",
    "/services/parts/",
    "/deletion/",
    "/reports/",
    f"/reports/{night_reports.NIGHT}/",
    "/atdb/login/",
)


@pytest.fixture
def statements(app: Flask) -> list[str]:
    """All database statements from now on, without the settings of transactions."""
    return statements_of(app)


@pytest.fixture
def operator(app: Flask) -> FlaskClient:
    """An operator's browser with a history of a week."""
    with app.extensions["atdb_engine"].begin() as database:
        history.fill(database, 1000)
    client = app.test_client()
    client.post("/atdb/login/", json={"name": "operator", "password": SECRETS["operator"]})
    report = night_reports.busy().model_dump(mode="json")
    admin = app.test_client()
    assert admin.post("/atdb/reports/", json=report, auth=("admin", SECRETS["admin"])).status_code == 201
    return client


def read(http: FlaskClient, path: str) -> Any:
    """Return an answer of the API."""
    return http.get(f"/atdb/{path}").json


@pytest.mark.parametrize("path", PATHS)
def test_a_page_takes_ten_statements_at_most(operator: FlaskClient, statements: list[str], path: str) -> None:
    statements.clear()
    assert operator.get(path).status_code == 200
    assert len(statements) <= MOST, statements


def test_all_pages_of_the_navigation_are_tried(app: Flask) -> None:
    with app.test_request_context():
        assert {app.url_for(endpoint) for _, endpoint in NAVIGATION} <= set(PATHS)


def test_the_page_of_a_task_takes_ten_statements_at_most_in_every_status(
    operator: FlaskClient, statements: list[str]
) -> None:
    of_each = {status: read(operator, f"observations/?my_status={status}&page_size=1") for status in Status}
    tasks = {status: page["results"][0]["taskID"] for status, page in of_each.items() if page["results"]}
    assert len(tasks) >= 6
    for status, task_id in tasks.items():
        for rest in OF_A_TASK:
            statements.clear()
            assert operator.get(f"/tasks/{task_id}/{rest}").status_code == 200
            assert len(statements) <= MOST, (status, rest, statements)


@pytest.mark.parametrize("executed", [False, True])
def test_an_action_for_many_takes_as_many_statements_for_a_hundred_as_for_one(
    operator: FlaskClient, statements: list[str], executed: bool
) -> None:
    counts = []
    for filters in ("taskID={one}", "my_status=scheduled"):
        valid = read(operator, "observations/?my_status=valid&page_size=1")["results"]
        form = {
            "csrf_token": read(operator, "me/")["csrf_token"],
            "all": "1",
            "filters": f"?{filters.format(one=valid[0]['taskID'])}",
            "action": "hold",
            "reason": "storm",
        }
        statements.clear()
        answer = operator.post("/tasks/bulk/", data=form)
        if executed:
            token = re.search(r'name="token" value="(\w+)"', answer.text)
            assert token is not None
            form["token"] = token[1]
            statements.clear()
            answer = operator.post("/tasks/bulk/", data=form)
        assert answer.status_code == 200
        counts.append(len(statements))
    assert counts[0] <= MOST, statements
    assert counts[1] == counts[0], statements


def test_a_change_of_many_products_takes_as_many_statements_for_a_hundred_as_for_one(
    operator: FlaskClient, statements: list[str]
) -> None:
    valid = read(operator, "dataproducts/?my_status=valid&page_size=100")["results"]
    headers = {"X-CSRF-Token": read(operator, "me/")["csrf_token"]}
    change = {"new_status": "defined", "force": True, "reason": "the disk was replaced"}
    counts, sizes = [], []
    for products in (valid[:1], valid):
        filters = {"id__in": ",".join(str(product["id"]) for product in products)}
        statements.clear()
        answer = operator.post(
            "/atdb/dataproducts/bulk/", json={"filters": filters, "change": change}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        changed: Any = answer.json
        sizes.append(changed["count"])
        counts.append(len(statements))
    assert sizes == [1, len(valid)]
    assert len(valid) > 10
    assert counts[0] <= MOST, statements
    assert counts[1] == counts[0], statements
