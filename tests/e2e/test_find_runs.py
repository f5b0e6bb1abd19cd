"""The filters of Airflow's lists find the runs of one observation among a thousand runs."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack import database
from tests.airflow_runs import copy_run
from tests.e2e.test_airflow_pages import browser, page  # noqa: F401 fixtures

pytestmark = pytest.mark.timeout(600)

FIRST, NUMBER, WANTED = 190405001, 1000, "190405034"
RUN = f"{WANTED}-validate-1"


@pytest.fixture
def _many(airflow: httpx.Client, settings: Settings, credentials: Credentials) -> None:
    first = {"logical_date": None, "partition_key": "190404999", "dag_run_id": "190404999-validate-1"}
    if airflow.post("dags/validate/dagRuns", json=first).is_success:
        connection = database.connect(settings, credentials, "airflow")
        copy_run(connection, "validate", first["dag_run_id"] or "", first=FIRST, number=NUMBER)


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize("runs", ["dag_runs", "dags/validate/runs"])
@pytest.mark.parametrize("field", ["run_id_pattern", "partition_key_pattern"])
def test_a_filter_finds_the_run_of_an_observation(
    page: Page,  # noqa: F811 the fixture
    settings: Settings,
    runs: str,
    field: str,
) -> None:
    page.goto(f"{settings.airflow_url}/{runs}?{field}={WANTED}")
    expect(page.get_by_role("link", name=RUN)).to_be_visible()
    expect(page.get_by_role("link", name="-validate-1")).to_have_count(1)
