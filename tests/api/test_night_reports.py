"""Night reports: each is stored once and never changes, for all clients."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.services import accounts
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest, Conflict, Forbidden, NotFound
from atdb_interface.night_reports import NightReport
from atdb_interface.roles import Role
from tests import night_reports
from tests.conftest import SECRETS


@pytest.fixture
def service(url: str) -> Iterator[Client]:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as opened:
        yield opened


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/atdb/reports", auth=("pipeline", SECRETS["pipeline"])) as opened:
        yield opened


def body(report: NightReport) -> dict[str, object]:
    fields: dict[str, object] = json.loads(report.model_dump_json())
    return fields


def test_a_report_comes_back_as_it_was_stored(service: Client) -> None:
    for night, report in enumerate(
        (night_reports.empty, night_reports.busy, night_reports.terrible),
    ):
        made = report(night_reports.NIGHT + timedelta(days=night))
        assert service.store_night_report(made) == made
        assert service.night_report(made.night) == made
        assert service.night_report(str(made.night)) == made


def test_the_first_report_of_a_night_stays_whatever_is_sent_later(http: httpx.Client) -> None:
    first = http.post("/", json=body(night_reports.busy()))
    again = http.post("/", json=body(night_reports.busy()))
    other = http.post("/", json=body(night_reports.empty()))
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 200)
    read = http.get(f"/{night_reports.NIGHT}/")
    assert first.content == again.content == other.content == read.content
    assert read.json() == body(night_reports.busy())


def test_of_many_requests_at_once_one_stores_and_all_get_the_same(url: str) -> None:
    def post(number: int) -> httpx.Response:
        report = night_reports.empty().model_copy(update={"observed_count": number})
        return httpx.post(f"{url}/atdb/reports/", json=body(report), auth=("pipeline", SECRETS["pipeline"]))

    with ThreadPoolExecutor(8) as lanes:
        answers = list(lanes.map(post, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_nothing_changes_or_deletes_a_report(http: httpx.Client, service: Client, owner_url: str) -> None:
    service.store_night_report(night_reports.busy())
    for method in ("PUT", "PATCH", "DELETE"):
        assert http.request(method, f"/{night_reports.NIGHT}/", json={}).status_code == 405
        assert http.request(method, "/", json={}).status_code == 405
    engine = create_engine(owner_url)
    for statement in (
        "update night_reports set content = '{}'",
        "delete from night_reports",
        "truncate night_reports",
    ):
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
    assert service.night_report(night_reports.NIGHT) == night_reports.busy()


def test_the_stored_text_is_canonical(service: Client, database_url: str) -> None:
    service.store_night_report(night_reports.terrible())
    engine = create_engine(database_url)
    with engine.begin() as connection:
        stored = connection.scalar(text("select content from night_reports"))
    engine.dispose()
    assert stored == json.dumps(json.loads(stored), sort_keys=True, separators=(",", ":"))


def test_a_night_that_has_not_ended_has_no_report(service: Client) -> None:
    tomorrow = night_reports.empty(datetime.now(UTC).date() + timedelta(days=1))
    with pytest.raises(Conflict, match="ends at"):
        service.store_night_report(tomorrow)
    early = night_reports.empty()
    with pytest.raises(BadRequest, match="has not ended"):
        service.store_night_report(early.model_copy(update={"made_at": early.ends - timedelta(seconds=1)}))
    assert list(service.night_reports()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("observed_count", -1),
        ("observed_count", "5"),
        ("observed_bytes", 2**53),
        ("observed_bytes", 1e400),
        ("night", "5 April"),
        ("night", 0),
        ("night", "2026-04-06"),
        ("waiting", [{"status": "nowhere"}]),
        ("observed", [{}] * 1001),
        ("remarks", "none"),
    ],
)
def test_what_is_no_report_is_refused_and_named(http: httpx.Client, field: str, value: object) -> None:
    wrong = json.dumps(body(night_reports.empty()) | {field: value})
    answer = http.post("/", content=wrong, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert http.get("/").json()["count"] == 0


def test_a_report_that_is_too_large_is_refused(http: httpx.Client) -> None:
    large = json.dumps(body(night_reports.empty())) + " " * (4 << 20)
    answer = http.post("/", content=large, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_the_list_has_the_main_figures_the_newest_night_first(service: Client) -> None:
    nights = [night_reports.NIGHT + timedelta(days=n) for n in range(3)]
    for night, make in zip(nights, (night_reports.busy, night_reports.empty, night_reports.terrible), strict=True):
        service.store_night_report(make(night))
    listed = list(service.night_reports())
    assert [each.night for each in listed] == nights[::-1]
    terrible, empty, busy = listed
    assert (terrible.failures_count, empty.failures_count, busy.failures_count) == (100, 0, 7)
    assert (busy.observed_count, busy.actor, busy.made_at) == (45, "pipeline", night_reports.busy().made_at)
    assert busy.archived_bytes == sum(host.archived_bytes for host in night_reports.busy().data_hosts)
    assert busy.full_at == min(disk.full_at for disk in night_reports.busy().disks if disk.full_at)
    assert (empty.observed_count, empty.full_at) == (0, None)
    failed = service.night_reports(failures_count__gt=0, ordering="night")
    assert [each.night for each in failed] == [nights[0], nights[2]]
    since = service.night_reports(night__gte="2026-04-06", night__lt="2026-04-07")
    assert [each.night for each in since] == [nights[1]]
    in_pages = list(service.rows("reports", page_size=1, fields="night"))
    assert [each["night"] for each in in_pages] == [str(night) for night in nights[::-1]]


def test_a_filter_by_what_is_no_day_is_refused(service: Client) -> None:
    with pytest.raises(BadRequest, match="not a day"):
        list(service.night_reports(night__gte="yesterday"))


@pytest.mark.parametrize("name", ["2026-04-05", "yesterday", "2026-02-30", "1", "..%2f..", "%00"])
def test_a_night_without_a_report_is_not_found(http: httpx.Client, name: str) -> None:
    assert http.get(f"/{name}/").status_code == 404


def test_what_is_stored_has_a_tag(http: httpx.Client, service: Client) -> None:
    service.store_night_report(night_reports.busy())
    read = http.get(f"/{night_reports.NIGHT}/")
    same = http.get(f"/{night_reports.NIGHT}/", headers={"If-None-Match": read.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_viewer_reads_and_stores_nothing(url: str, service: Client) -> None:
    with Client(url, user="viewer", secret=SECRETS["viewer"]) as viewer:
        with pytest.raises(Forbidden):
            viewer.store_night_report(night_reports.busy())
        with pytest.raises(NotFound):
            viewer.night_report(date(2026, 4, 5))
        service.store_night_report(night_reports.busy())
        assert viewer.night_report(date(2026, 4, 5)) == night_reports.busy()
    assert httpx.get(f"{url}/atdb/reports/").status_code == 401
    assert httpx.get(f"{url}/atdb/reports/2026-04-05/").status_code == 401


@pytest.mark.parametrize("name", ["another pipeline", "operator"])
def test_no_other_account_stores_a_report(app: Flask, url: str, service: Client, name: str) -> None:
    if name not in SECRETS:
        with app.app_context(), transaction() as session:
            accounts.put(session, name, role=Role.PIPELINE, password="secret-of-another-account", actor="tests")
    with Client(url, user=name, secret=SECRETS.get(name, "secret-of-another-account")) as other:
        with pytest.raises(Forbidden, match=f"Only the account pipeline and admins can.*; {name} cannot"):
            other.store_night_report(night_reports.terrible())
        assert list(other.night_reports()) == []
        service.store_night_report(night_reports.busy())
        with pytest.raises(Forbidden, match=f"{name} cannot"):
            other.store_night_report(night_reports.terrible())
        assert [each.actor for each in other.night_reports()] == ["pipeline"]


def test_an_admin_stores_a_report(client: Client) -> None:
    assert client.store_night_report(night_reports.busy()) == night_reports.busy()
    assert [each.actor for each in client.night_reports()] == ["admin"]


def test_the_account_of_the_reports_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATDB_DATABASE_URL", "postgresql+psycopg2://")
    monkeypatch.delenv("ATDB_REPORTS_ACCOUNT", raising=False)
    assert Config.from_environment().reports_account == "airflow"
    monkeypatch.setenv("ATDB_REPORTS_ACCOUNT", "nightly")
    assert create_app().config["REPORTS_ACCOUNT"] == "nightly"


def test_a_browser_gets_the_list_and_a_report_as_pages(http: httpx.Client, service: Client) -> None:
    service.store_night_report(night_reports.terrible())
    for path in ("/", f"/{night_reports.NIGHT}/"):
        page = http.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert "2026-04-05" in page.text
        assert "<img src=x" not in page.text
