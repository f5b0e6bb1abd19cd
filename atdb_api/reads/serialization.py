"""Convert rows of the tables to wire models."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from atdb_api.models import (
    DataProduct,
    Observation,
    Transition,
)
from atdb_api.search.columns import OBSERVATION_FIELDS, PRODUCT_FIELDS, TRANSITION_FIELDS, end_of
from atdb_interface.dataproducts import DataProduct as DataProductModel
from atdb_interface.observations import Observation as ObservationModel
from atdb_interface.transitions import Transition as TransitionModel


def observations(
    session: Session, rows: Sequence[Observation], *, at: datetime | None = None, costly: bool = True
) -> list[ObservationModel]:
    """Convert observations, with their histories and the ids of their products, with two statements for all.

    With `costly=False` these two fields are empty, and no statement is needed. With `at`, statuses are those at
    that time.
    """
    past: dict[str, list[TransitionModel]] = defaultdict(list)
    products: dict[int, list[int]] = defaultdict(list)
    if costly:
        task_ids = [row.task_id for row in rows]
        matching = Transition.task_id.in_(task_ids) & Transition.dataproduct.is_(None)
        for step in _steps(session, matching, at):
            past[step.taskID].append(step)
        of_observations = DataProduct.observation_id.in_([row.id for row in rows])
        ids = select(DataProduct.id, DataProduct.observation_id).where(of_observations).order_by(DataProduct.id)
        for product_id, observation_id in session.execute(
            ids.where(DataProduct.created_at < end_of(at)) if at else ids
        ):
            products[observation_id].append(product_id)
    return [
        ObservationModel(
            **_with_status(OBSERVATION_FIELDS.values(row), past[row.task_id] if at else []),
            status_history=past[row.task_id],
            generated_dataproducts=products[row.id],
        )
        for row in rows
    ]


def dataproducts(
    session: Session, rows: Sequence[DataProduct], *, at: datetime | None = None, costly: bool = True
) -> list[DataProductModel]:
    """Convert data products with their histories, as `observations` does, with one statement for all."""
    past: dict[tuple[str, str | None], list[TransitionModel]] = defaultdict(list)
    if costly:
        task_ids, filenames = {row.task_id for row in rows}, {row.filename for row in rows}
        matching = Transition.task_id.in_(task_ids) & Transition.dataproduct.in_(filenames)
        for step in _steps(session, matching, at):
            past[step.taskID, step.dataproduct].append(step)
    return [
        DataProductModel(
            **_with_status(PRODUCT_FIELDS.values(row), past[row.task_id, row.filename] if at else []),
            status_history=past[row.task_id, row.filename],
        )
        for row in rows
    ]


def _steps(session: Session, matching: ColumnElement[bool], at: datetime | None) -> Iterator[TransitionModel]:
    steps = select(Transition).where(matching).order_by(Transition.id)
    yield from map(
        TRANSITION_FIELDS.item, session.scalars(steps.where(Transition.at < end_of(at)) if at else steps)
    )


def _with_status(fields: dict[str, Any], past: Sequence[TransitionModel]) -> dict[str, Any]:
    """Replace the present status by the last one of the past, if there is one."""
    if not past:
        return fields | {"new_status": fields["my_status"]}
    then = fields | {"my_status": past[-1].name, "new_status": past[-1].name}
    return then | ({"status_since": past[-1].timestamp} if "status_since" in fields else {})
