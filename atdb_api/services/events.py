"""Events: information for operators that no status shows. Each is recorded once."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from atdb_api.models import Event
from atdb_api.search.columns import EVENT_FIELDS
from atdb_interface.events import NewEvent


def record(session: Session, new: Sequence[NewEvent], *, actor: str) -> list[Event]:
    """Record the events whose key is new; return those only, in the order of their ids."""
    rows = [{**EVENT_FIELDS.stored(event), "actor": actor} for event in new]
    if not rows:
        return []
    new_rows = insert(Event).values(rows).on_conflict_do_nothing(index_elements=[Event.key]).returning(Event.id)
    ids = session.scalars(new_rows).all()
    return list(session.scalars(select(Event).where(Event.id.in_(ids)).order_by(Event.id)))
