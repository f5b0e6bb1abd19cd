"""Events: each is reported to operators once."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_interface.client import Client
from atdb_interface.events import EventKind, NewEvent


def test_an_event_is_recorded_once_and_stays(client: Client, owner_url: str) -> None:
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
