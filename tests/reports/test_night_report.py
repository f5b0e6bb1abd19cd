"""The DAG's task creates and stores the report of a night; each figure agrees with the REST API."""

import json
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg2
import pytest
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind
from atdb_interface.night_reports import LARGEST, MOST_HOSTS
from atdb_interface.nights import Night
from tests.reports import busy
from tests.reports.conftest import RunReport
from tests.reports.figures import Known, compare
from tests.specifications import COORDINATES

HOUR = 8


@pytest.mark.timeout(600)
def test_every_figure_of_every_night_is_what_the_rest_api_says(
    client: Client, superuser_url: str, run_report: RunReport
) -> None:
    last = Night.last(datetime.now(UTC), HOUR)
    busy.fill(client, superuser_url, last.ends, number=48, seed=10)
    known, compared = Known(client), Counter[str]()
    for back in range(busy.DAYS + 1):
        night = last.day - timedelta(days=back)
        run_report(night)
        report = client.night_report(night)
        compared += compare(report, known, with_disks=back == 0)
    # Figures of all kinds were compared.
    assert min(compared[part] for part in ("observed", "failures", "waiting", "longest_waiting", "slowest")) >= 15
    assert compared["data_hosts"] >= 6
    full = [disk.full_at for disk in client.night_report(last.day).disks]
    assert any(full)
    assert None in full


def test_the_night_is_the_last_one_that_had_ended_when_the_run_was_due(
    client: Client, run_report: RunReport
) -> None:
    due = datetime(2026, 5, 4, HOUR, 5, tzinfo=UTC)
    run_report(due=due)
    (stored,) = client.night_reports()
    report = client.night_report(stored.night)
    assert (report.night, report.ends) == (date(2026, 5, 3), datetime(2026, 5, 4, HOUR, tzinfo=UTC))
    run_report(due=due - timedelta(minutes=6))
    assert [each.night for each in client.night_reports()] == [date(2026, 5, 3), date(2026, 5, 2)]


def test_a_second_run_for_a_night_leaves_its_report_as_it_is(
    client: Client, run_report: RunReport, capsys: pytest.CaptureFixture[str]
) -> None:
    run_report("2026-05-03")
    first = client.night_report("2026-05-03")
    client.create_observation(
        {
            "field_name": "x",
            "observing_mode": "imaging",
            **COORDINATES,
            "starttime": "2026-05-03T09:00:00Z",
            "duration": 9,
        }
    )
    time.sleep(1.1)  # the API has whole seconds
    assert "already has a report" not in capsys.readouterr().out
    run_report("2026-05-03")
    assert "already has a report" in capsys.readouterr().out
    assert client.night_report("2026-05-03") == first


_REFUSED = [
    *(datetime.now(UTC).date(), "2190-01-01", "yesterday", "2026-02-30"),
    *("1970-12-31", "1900-01-01", "0001-01-01", "2199-01-01", "9999-12-31", "20260503", "2026-05-03\n"),
]


@pytest.mark.parametrize("night", _REFUSED)
def test_a_night_that_has_not_ended_or_is_none_is_refused_without_an_event(
    client: Client, run_report: RunReport, night: date | str
) -> None:
    expected = r"has not ended\. It ends at|is not a day such as 2026-11-25, of the years 1971 to 2198"
    with pytest.raises(AirflowFailException, match=expected):
        run_report(night, attempt=7)
    assert list(client.night_reports()) == []
    assert list(client.events()) == []


def test_no_account_can_make_a_night_too_large_to_be_reported(
    client: Client, superuser_url: str, run_report: RunReport
) -> None:
    last = Night.last(datetime.now(UTC), HOUR)
    busy.fill(client, superuser_url, last.ends, number=12, seed=10)
    with closing(psycopg2.connect(superuser_url)) as opened, opened, opened.cursor() as cursor:
        cursor.execute("update observations set size_bytes = %s", (LARGEST,))
        cursor.execute("update dataproducts set size = %s", (LARGEST,))
    for number in range(MOST_HOSTS + 1):
        client.report_disk(DiskUsage(data_host=f"aaa{number}", total_bytes=LARGEST, free_bytes=1))
    with closing(psycopg2.connect(superuser_url)) as opened, opened, opened.cursor() as cursor:
        seen = last.ends - timedelta(hours=1)
        cursor.execute("update disk_usages set at = %s where data_host like 'aaa%%'", (seen,))
    for back in range(3):
        run_report(last.day - timedelta(days=back))
    report = client.night_report(last.day)
    assert LARGEST in (report.observed_bytes, *(each.validated_bytes for each in report.data_hosts))
    assert len(report.disks) == MOST_HOSTS
    assert any(each.planned_observations for each in report.disks)


def test_a_parameter_with_a_slip_is_refused(client: Client, run_report: RunReport) -> None:
    with pytest.raises(AirflowFailException, match=r"unknown parameter nigth\. The only parameter is night"):
        run_report(conf={"nigth": "2026-11-20"})
    assert list(client.night_reports()) == []


def test_the_last_attempt_that_fails_raises_an_event_and_one_before_does_not(
    client: Client, run_report: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_ATDB_REPORTS", json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": 9})
    )
    with pytest.raises(Exception, match="refused"):
        run_report("2026-05-03", attempt=6)
    assert list(client.events()) == []
    for _ in range(2):
        with pytest.raises(Exception, match="refused"):
            run_report("2026-05-03", attempt=7)
    (event,) = client.events()
    assert (event.kind, event.key) == (EventKind.FAILURE, "night_report/2026-05-03")
    assert "refused" in event.detail


def test_the_queries_of_a_report_see_one_snapshot(
    client: Client, superuser_url: str, run_report: RunReport
) -> None:
    """An observation that starts between two queries is in no part of the report."""
    night = Night.of(date(2026, 5, 3), HOUR)
    made = client.create_observation(
        {
            "field_name": "x",
            "observing_mode": "imaging",
            **COORDINATES,
            "starttime": "2026-05-03T09:00:00Z",
            "duration": 9,
        }
    )
    with closing(psycopg2.connect(superuser_url)) as opened, opened.cursor() as cursor:
        cursor.execute("lock table disk_usages in access exclusive mode")  # the second query waits for it
        thread = threading.Thread(target=run_report, args=[night.day])
        thread.start()
        wait_until_blocked(superuser_url)
        for status in ("starting", "running"):
            cursor.execute(
                "insert into transitions (task_id, previous, status, at, actor, reason) "
                "values (%s, 'scheduled', %s, %s, 'tests', '')",
                [made.taskID, status, night.begins],
            )
        opened.commit()
        thread.join(30)
    report = client.night_report(night.day)
    assert (report.observed_count, report.waiting) == (0, [])
    with closing(psycopg2.connect(superuser_url)) as opened, opened.cursor() as cursor:
        cursor.execute("select count(*) from reports.transitions where status = 'running'")
        assert cursor.fetchone() == (1,)


def wait_until_blocked(superuser_url: str) -> None:
    deadline = time.monotonic() + 30
    with closing(psycopg2.connect(superuser_url)) as opened, opened.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "select count(*) from pg_stat_activity where usename = 'reports' and wait_event_type = 'Lock'"
            )
            if cursor.fetchone() == (1,):
                return
            opened.rollback()
            time.sleep(0.05)
    pytest.fail("no query waits for the lock")


def test_a_night_begins_and_ends_at_the_report_hour(
    client: Client, run_report: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_REPORT_HOUR", "0")
    run_report("2026-05-03")
    report = client.night_report("2026-05-03")
    assert (report.begins, report.ends) == (datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC))
