"""The heartbeats of services, and their troubles."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, text

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status


def test_a_service_is_known_by_its_last_heartbeat(client: Client) -> None:
    first = client.sign_of_life("airflow listen", statuses=[Status.VALID], detail="ingest")
    client.sign_of_life("telescope")
    second = client.sign_of_life("airflow listen", statuses=[Status.VALID, Status.DEFINED])
    assert second.last_seen >= first.last_seen
    assert [(s.name, s.statuses, s.detail) for s in client.services(ordering="name")] == [
        ("airflow listen", ["valid", "defined"], ""),
        ("telescope", [], ""),
    ]
    assert len(list(client.services(last_seen__gt=datetime.now(UTC) - timedelta(minutes=1)))) == 2


def test_a_service_reports_what_stands_in_its_way_and_since_when(client: Client, database_url: str) -> None:
    statuses = [Status.VALID, Status.ARCHIVED]
    service = client.sign_of_life("airflow listen", statuses=statuses, troubles={Status.VALID: "HTTP 401"})
    assert set(service.troubles) == {Status.VALID}
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            text("update services set troubles = jsonb_set(troubles, '{valid,since}', '\"2026-04-05T06:00:00Z\"')")
        )
    engine.dispose()
    both = {Status.VALID: "HTTP 503", Status.ARCHIVED: "HTTP 503"}
    service = client.sign_of_life("airflow listen", statuses=statuses, troubles=both)
    assert service.troubles[Status.VALID].reason == "HTTP 503"
    assert service.troubles[Status.VALID].since == datetime(2026, 4, 5, 6, tzinfo=UTC)
    assert service.troubles[Status.ARCHIVED].since > datetime(2026, 4, 6, tzinfo=UTC)
    assert client.sign_of_life("airflow listen", statuses=statuses).troubles == {}
