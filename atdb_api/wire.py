"""The one place where the names of the tables and the names of the wire meet."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from atdb_api.models import DataProduct, Lease, Observation, Transition
from atdb_interface import models as wire

_OBSERVATION_NAMES = {
    "taskID": "task_id",
    "my_status": "status",
    "creationTime": "created_at",
    "starttime": "start_time",
    "endtime": "end_time",
    "beamPattern": "beam_pattern",
}
_PRODUCT_NAMES = {
    "taskID": "task_id",
    "my_status": "status",
    "creationTime": "created_at",
    "generatedByObservation": "observation_id",
}
_TRANSITION_NAMES = {"taskID": "task_id", "name": "status", "timestamp": "at"}

Columns = dict[str, InstrumentedAttribute[Any]]


def _columns(table: type, model: type, names: dict[str, str]) -> Columns:
    """Give the column behind each field of a wire model that has one."""
    return {
        field: getattr(table, names.get(field, field))
        for field in model.model_fields  # type: ignore[attr-defined]
        if hasattr(table, names.get(field, field))
    }


OBSERVATION_COLUMNS = _columns(Observation, wire.Observation, _OBSERVATION_NAMES)
PRODUCT_COLUMNS = _columns(DataProduct, wire.DataProduct, _PRODUCT_NAMES)
TRANSITION_COLUMNS = _columns(Transition, wire.Transition, _TRANSITION_NAMES)
LEASE_COLUMNS: Columns = {
    "taskID": Observation.task_id,
    "my_status": Observation.status,
    "owner": Lease.owner,
    "expires_at": Lease.expires_at,
    "lost_owners": Lease.lost_owners,
}


def observation_values(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn fields of the wire into values of the observations table; duration is computed there."""
    return {_OBSERVATION_NAMES.get(name, name): value for name, value in fields.items() if name != "duration"}


def transition(row: Transition) -> wire.Transition:
    """Write one transition."""
    return wire.Transition(**{name: getattr(row, column.key) for name, column in TRANSITION_COLUMNS.items()})


def observations(session: Session, rows: Sequence[Observation]) -> list[wire.Observation]:
    """Write observations with their histories and the ids of their products; two queries, however many."""
    task_ids = [row.task_id for row in rows]
    histories: dict[str, list[wire.Transition]] = defaultdict(list)
    for past in session.scalars(
        select(Transition)
        .where(Transition.task_id.in_(task_ids), Transition.dataproduct.is_(None))
        .order_by(Transition.id)
    ):
        histories[past.task_id].append(transition(past))
    product_ids: dict[int, list[int]] = defaultdict(list)
    for product_id, observation_id in session.execute(
        select(DataProduct.id, DataProduct.observation_id)
        .where(DataProduct.observation_id.in_([row.id for row in rows]))
        .order_by(DataProduct.id)
    ):
        product_ids[observation_id].append(product_id)
    return [
        wire.Observation(
            **{name: getattr(row, column.key) for name, column in OBSERVATION_COLUMNS.items()},
            new_status=row.status,
            status_history=histories[row.task_id],
            generated_dataproducts=product_ids[row.id],
        )
        for row in rows
    ]


def dataproducts(session: Session, rows: Sequence[DataProduct]) -> list[wire.DataProduct]:
    """Write data products with their histories; one query, however many."""
    histories: dict[tuple[str, str | None], list[wire.Transition]] = defaultdict(list)
    for past in session.scalars(
        select(Transition)
        .where(
            Transition.task_id.in_({row.task_id for row in rows}),
            Transition.dataproduct.in_({row.filename for row in rows}),
        )
        .order_by(Transition.id)
    ):
        histories[past.task_id, past.dataproduct].append(transition(past))
    return [
        wire.DataProduct(
            **{name: getattr(row, column.key) for name, column in PRODUCT_COLUMNS.items()},
            new_status=row.status,
            status_history=histories[row.task_id, row.filename],
        )
        for row in rows
    ]
