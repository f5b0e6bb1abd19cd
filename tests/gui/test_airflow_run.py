"""The link from a run in Airflow to its task in ATDB."""

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import expect

from atdb_interface.client import Client
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import move_all
from tests.api.browser import Browser
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
RUN = "manual__2026-04-05T06:00:00.1+00:00"


def test_it_leads_to_the_task_that_the_run_works_on_or_has_worked_on(
    url: str, client: Client, observe: Observe
) -> None:
    made, _ = observe(Status.VALID), observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner=f"ingest/{RUN}", lease_seconds=60)
    http = Browser(url, "viewer")
    for _ in range(2):
        for run in (quote(RUN), RUN):  # Airflow does not encode it
            answer = http.get(f"/tasks/of-run/?dag=ingest&run={run}")
            assert answer.headers["Location"] == f"/tasks/{made.taskID}/"
        if client.observation(made.taskID).my_status is Status.INGESTING:
            owner = f"ingest/{RUN}"
            move_all(client, made.taskID, ProductStatus.INGESTING, ProductStatus.ARCHIVED, owner=owner)
            client.move(made.taskID, Status.ARCHIVED, owner=owner)


def test_the_run_of_another_dag_is_another_run(url: str, client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner=f"ingest/{RUN}", lease_seconds=60)
    answer = Browser(url, "viewer").get(f"/tasks/of-run/?dag=remove&run={quote(RUN)}")
    assert answer.status_code == 200
    assert "ATDB has no observation for this run" in answer.text


def test_a_run_that_has_yet_to_begin_shows_its_task_once_it_does(
    open_as: Open, client: Client, observe: Observe
) -> None:
    made = observe(Status.VALID)
    page = open_as("viewer", f"/tasks/of-run/?dag=ingest&run={quote(RUN)}")
    expect(page.get_by_text("ATDB has no observation for this run")).to_be_visible()
    client.move(made.taskID, Status.INGESTING, owner=f"ingest/{RUN}", lease_seconds=60)
    page.get_by_role("link", name=made.taskID).click()
    expect(page).to_have_url(f"/tasks/{made.taskID}/")


def test_a_run_that_owns_nothing_is_found_by_the_taskid_in_its_name(
    url: str, client: Client, observe: Observe
) -> None:
    made = observe(Status.VALID)
    http = Browser(url, "viewer")
    answer = http.get(f"/tasks/of-run/?dag=ingest&run={made.taskID}-ingest-1")
    assert answer.headers["Location"] == f"/tasks/{made.taskID}/"
    assert http.get("/tasks/of-run/?dag=ingest&run=190405999-ingest-1").status_code == 200
