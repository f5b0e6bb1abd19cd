"""The only code that sets a status, of an observation or of a data product; it also writes the history.

Its callers decide whether a change is allowed: see transitions.py and dataproducts.py. A change that is no step of
the lifecycle is recorded as forced. All rows must be new, or their observation locked.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation, Transition
from atdb_api.services.authority import Authority
from atdb_interface.lifecycle import ProductStatus, Status, allowed_next, resume_target
from atdb_interface.product_lifecycle import allowed_next_of_product


def begin(
    session: Session, observation: Observation, authority: Authority, at: datetime, *, reason: str = ""
) -> None:
    """Set the first status of a new observation."""
    observation.status, observation.status_since = Status.DEFINED, at
    session.add(_transition(observation, None, authority, at, reason))


def begin_product(session: Session, product: DataProduct, authority: Authority, at: datetime) -> None:
    """Set the first status of a new data product."""
    product.status = ProductStatus.DEFINED
    session.add(_transition(product, None, authority, at))


def enter(
    session: Session, observation: Observation, status: Status, authority: Authority, at: datetime, *, reason: str
) -> None:
    """Set the status of an observation."""
    previous = observation.status
    is_step = status in allowed_next(previous, observation.held_from)
    observation.status, observation.status_since = status, at
    observation.held_from = resume_target(previous) if status is Status.ON_HOLD else None
    session.add(_transition(observation, previous, authority, at, reason, forced=not is_step))


def enter_product(
    session: Session,
    product: DataProduct,
    status: ProductStatus,
    authority: Authority,
    at: datetime,
    *,
    reason: str,
) -> None:
    """Set the status of a data product."""
    previous, product.status = product.status, status
    is_step = status in allowed_next_of_product(previous)
    session.add(_transition(product, previous, authority, at, reason, forced=not is_step))


def latest(session: Session, task_id: str) -> Transition:
    """Return the transition that led to the present status of an observation."""
    return session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id.desc())
        .limit(1)
    ).one()


def _transition(
    row: Observation | DataProduct,
    previous: Status | ProductStatus | None,
    authority: Authority,
    at: datetime,
    reason: str = "",
    *,
    forced: bool = False,
) -> Transition:
    """Create the transition to the present status of a row."""
    return Transition(
        task_id=row.task_id,
        dataproduct=row.filename if isinstance(row, DataProduct) else None,
        previous=previous,
        status=row.status,
        at=at,
        actor=authority.actor,
        owner=authority.owner,
        reason=reason,
        forced=forced,
    )
