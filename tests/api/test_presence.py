"""Who is there, how the disks fill, and what operators are told once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import Status


def test_a_service_is_known_by_its_last_sign_of_life(client: Client) -> None:
    first = client.sign_of_life("airflow listen", statuses=[Status.VALID], detail="ingest")
    client.sign_of_life("telescope")
    second = client.sign_of_life("airflow listen", statuses=[Status.VALID, Status.DEFINED])
    assert second.last_seen >= first.last_seen
    assert [(s.name, s.statuses, s.detail) for s in client.services(ordering="name")] == [
        ("airflow listen", ["valid", "defined"], ""),
        ("telescope", [], ""),
    ]
    assert len(list(client.services(last_seen__gt=datetime.now(UTC) - timedelta(minutes=1)))) == 2


def test_a_disk_tells_when_it_will_be_full(client: Client, database_url: str) -> None:
    for free in (1000, 900):
        client.report_disk(DiskUsage(data_host="arts001", total_bytes=2000, free_bytes=free))
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=10, free_bytes=10))
    assert [(disk.data_host, disk.free_bytes, disk.full_at) for disk in client.disks()] == [
        ("arts001", 900, None),
        ("wcudata1", 10, None),
    ]
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("update disk_usages set at = at - interval '1 day' where free_bytes = 1000"))
    engine.dispose()
    (disk,) = client.disks(data_host="arts001")
    assert disk.bytes_per_day == 100
    assert disk.full_at is not None
    assert abs(disk.full_at - disk.last_seen - timedelta(days=9)) < timedelta(minutes=10)


def test_a_disk_that_empties_is_never_full(client: Client, database_url: str) -> None:
    for free in (900, 1000):
        client.report_disk(DiskUsage(data_host="arts001", total_bytes=2000, free_bytes=free))
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("update disk_usages set at = at - interval '1 day' where free_bytes = 900"))
    engine.dispose()
    (disk,) = client.disks()
    assert (disk.bytes_per_day, disk.full_at) == (-100, None)


def test_an_event_is_told_once_and_stays(client: Client, owner_url: str) -> None:
    overdue = NewEvent(
        key="overdue/190405034/valid", kind=EventKind.OVERDUE, taskID="190405034", detail="too long"
    )
    brake = NewEvent(key="brake/1", kind=EventKind.BRAKE, detail="12 of 100 disagree")
    assert [event.key for event in client.raise_events([overdue])] == [overdue.key]
    assert [event.key for event in client.raise_events([overdue, brake])] == [brake.key]
    assert client.raise_events([overdue, brake]) == []
    (event,) = client.events(taskID="190405034")
    assert (event.kind, event.detail, event.actor) == ("overdue", "too long", "admin")
    engine = create_engine(owner_url)
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text("delete from events"))
    engine.dispose()


def test_a_service_reports_what_stands_in_its_way_and_since_when(client: Client, database_url: str) -> None:
    statuses = [Status.VALID, Status.ARCHIVED]
    told = client.sign_of_life("airflow listen", statuses=statuses, troubles={Status.VALID: "HTTP 401"})
    assert set(told.troubles) == {Status.VALID}
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            text("update services set troubles = jsonb_set(troubles, '{valid,since}', '\"2026-04-05T06:00:00Z\"')")
        )
    engine.dispose()
    both = {Status.VALID: "HTTP 503", Status.ARCHIVED: "HTTP 503"}
    told = client.sign_of_life("airflow listen", statuses=statuses, troubles=both)
    assert told.troubles[Status.VALID].reason == "HTTP 503"
    assert told.troubles[Status.VALID].since == datetime(2026, 4, 5, 6, tzinfo=UTC)
    assert told.troubles[Status.ARCHIVED].since > datetime(2026, 4, 6, tzinfo=UTC)
    assert client.sign_of_life("airflow listen", statuses=statuses).troubles == {}
