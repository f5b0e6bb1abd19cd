"""The record of all changes except those of status: who edited or deleted what, and why."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from atdb_api.models import Change, DataProduct, Observation
from atdb_interface.fields import write_time

Fields = dict[str, list[Any]]


def record(
    session: Session,
    action: str,
    *,
    actor: str,
    task_id: str | None = None,
    dataproduct: str | None = None,
    account: str | None = None,
    fields: Fields | None = None,
    reason: str = "",
) -> None:
    """Record a change. `fields`: the old and the new value of each."""
    session.add(
        Change(
            actor=actor,
            action=action,
            task_id=task_id,
            dataproduct=dataproduct,
            account=account,
            fields=fields or {},
            reason=reason,
        )
    )


def difference(row: Observation | DataProduct, values: Mapping[str, Any], names: Mapping[str, str]) -> Fields:
    """Return the old and the new value of each field that would change, by its wire name.

    `names`: the column of each wire name.
    """
    wire_names = {column: name for name, column in names.items()}
    return {
        wire_names.get(name, name): [_plain(getattr(row, name)), _plain(value)]
        for name, value in values.items()
        if getattr(row, name) != value
    }


def record_deletion(
    session: Session, row: Observation | DataProduct, values: dict[str, Any], *, actor: str
) -> None:
    """Record all fields of a row that is about to be deleted."""
    fields = {name: [_plain(value), None] for name, value in values.items()}
    dataproduct = row.filename if isinstance(row, DataProduct) else None
    record(session, "deleted", actor=actor, task_id=row.task_id, dataproduct=dataproduct, fields=fields)


def _plain(value: Any) -> Any:
    return write_time(value) if isinstance(value, datetime) else json.loads(json.dumps(value))
