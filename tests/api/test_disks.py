"""The reports on the disks of the data hosts."""

from datetime import timedelta

from sqlalchemy import create_engine, text

from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage


def test_a_disk_shows_when_it_will_be_full(client: Client, database_url: str) -> None:
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


def test_the_measurements_of_a_few_hours_give_no_forecast(client: Client, database_url: str) -> None:
    for free in (1000, 900):
        client.report_disk(DiskUsage(data_host="arts001", total_bytes=2000, free_bytes=free))
    engine = create_engine(database_url)
    known = []
    for minutes in (355, 10):
        with engine.begin() as connection:
            earlier = text(
                f"update disk_usages set at = at - interval '{minutes} minutes' where free_bytes = 1000"
            )
            connection.execute(earlier)
        (disk,) = client.disks()
        known.append((disk.bytes_per_day is not None, disk.full_at is not None))
    engine.dispose()
    assert known == [(False, False), (True, True)]


def test_a_disk_that_empties_is_never_full(client: Client, database_url: str) -> None:
    for free in (900, 1000):
        client.report_disk(DiskUsage(data_host="arts001", total_bytes=2000, free_bytes=free))
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("update disk_usages set at = at - interval '1 day' where free_bytes = 900"))
    engine.dispose()
    (disk,) = client.disks()
    assert (disk.bytes_per_day, disk.full_at) == (-100, None)
