"""Where Airflow's pages lead to in ATDB."""

import importlib
from types import SimpleNamespace

import pytest

from atdb_plugins import plugin
from atdb_plugins.links import dag_page, run_page, tasks_page
from operators.dag_arguments import DAG_OWNER, dag_arguments

URL = "https://atdb.example.org"
DESTINATIONS = ["nav", "dag", "task", "dag_run", "task_instance"]


@pytest.fixture
def _atdb_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATDB_URL", f"{URL}/")


@pytest.mark.usefixtures("_atdb_url")
def test_links_lead_to_pages_of_atdb() -> None:
    assert tasks_page() == f"{URL}/tasks/"
    assert tasks_page(["190405034"]) == f"{URL}/tasks/190405034/"
    assert tasks_page(["190405034", "190405035"]) == f"{URL}/tasks/?taskID__in=190405034%2C190405035"
    assert run_page("ingest", "manual__2026-04-05T06:00:00+00:00") == (
        f"{URL}/tasks/of-run/?dag=ingest&run=manual__2026-04-05T06%3A00%3A00%2B00%3A00"
    )
    assert dag_arguments("ingest", retries=3) == {
        "default_args": {"owner": DAG_OWNER, "retries": 3},
        "owner_links": {DAG_OWNER: f"{URL}/dags/ingest/"},
    }


def test_without_a_url_there_are_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATDB_URL", raising=False)
    assert [tasks_page(), tasks_page(["1"]), run_page("a", "b"), dag_page("a")] == [""] * 4
    assert dag_arguments("ingest")["owner_links"] == {}
    loaded = importlib.reload(plugin).AtdbPlugin
    assert (loaded.external_views, loaded.global_operator_extra_links) == ([], [])


@pytest.mark.usefixtures("_atdb_url")
def test_each_view_has_a_route_of_its_own() -> None:
    views = importlib.reload(plugin).AtdbPlugin.external_views
    assert [view["destination"] for view in views] == DESTINATIONS
    assert len({view["url_route"] for view in views}) == len(views)


@pytest.mark.usefixtures("_atdb_url")
@pytest.mark.parametrize(
    ("dag_id", "leads_to"),
    [("ingest", f"{URL}/tasks/of-run/?dag=ingest&run=190405034-ingest-1"), ("listen", f"{URL}/tasks/")],
)
def test_the_link_of_a_task_leads_to_its_observation(dag_id: str, leads_to: str) -> None:
    key = SimpleNamespace(dag_id=dag_id, run_id="190405034-ingest-1")
    assert plugin.ObservationLink().get_link(None, ti_key=key) == leads_to
