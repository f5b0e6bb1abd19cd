"""What the status of an observation states about its data: ATDB accepts it only if every product supports it."""

from collections.abc import Sequence

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation
from atdb_interface.errors import Conflict, ForbiddenMove
from atdb_interface.lifecycle import STATUSES, ProductStatus, Status, allowed_next, statuses
from atdb_interface.product_lifecycle import allowed_next_of_product
from atdb_interface.quantities import count_of

#: Work on the products that are known already is in progress.
_PRODUCTS_ARE_TAKEN = (Status.INGESTING, Status.REMOVING)
#: No product can be added to an observation with one of these statuses.
COMPLETE = frozenset({*statuses(lambda row: row.states is not None), *_PRODUCTS_ARE_TAKEN})


def require_support(session: Session, observation: Observation, target: Status) -> None:
    """Raise ForbiddenMove unless the products of an observation support the status that it would get.

    The observation must be locked. Products that are still being ingested are valid after an ingest.
    """
    supporting = STATUSES[target].states
    if supporting is None:
        return
    counts = _counts(session, observation)
    total = sum(number for _, number, _ in counts)
    against = [each for each in counts if _after(each[0], observation.status) not in supporting]
    if against:
        number = sum(number for _, number, _ in against)
        status, _, first = min(against, key=lambda each: each[2])
        problem = f"{number} of {total} data products do not support it. The first is {first}, which is {status}"
    elif not total:
        problem = "it has no data products"
    elif all(status is ProductStatus.INVALID for status, _, _ in counts):
        problem = f"it has {count_of(total, 'data product')}, and none is valid"
    else:
        return
    raise ForbiddenMove(
        f"Cannot move {observation.task_id} from {observation.status} to {target}: {problem}. "
        f"A data product of an observation that is {target} must be {', '.join(sorted(supporting))}.",
        my_status=observation.status,
        allowed=sorted(allowed_next(observation.status, observation.held_from)),
    )


def require_supported(
    session: Session, observation: Observation, product: DataProduct, target: ProductStatus
) -> None:
    """Raise ForbiddenMove if a product would get a status that contradicts that of its observation.

    The observation must be locked.
    """
    supporting = STATUSES[observation.status].states
    if supporting is None:
        return
    if target in supporting and (target is not ProductStatus.INVALID or _has_other(session, observation, product)):
        return
    raise ForbiddenMove(
        f"Cannot move {product.filename} from {product.status} to {target}, because observation "
        f"{observation.task_id} is {observation.status}. Move the observation first.",
        my_status=product.status,
        allowed=sorted(supporting & allowed_next_of_product(product.status)),
    )


def require_open(observation: Observation) -> None:
    """Raise Conflict if no product can be added to an observation, because of what its status states."""
    status = observation.held_from or observation.status
    if status in COMPLETE:
        raise Conflict(
            f"Cannot add data products to {observation.task_id} because it is {observation.status}. "
            "Products can be added until the observation is validated, or after the action check.",
            my_status=observation.status,
        )


def _counts(session: Session, observation: Observation) -> Sequence[Row[ProductStatus, int, str]]:
    """Count the products of an observation by status, with the first name of each."""
    return session.execute(
        select(DataProduct.status, func.count(), func.min(DataProduct.filename))
        .where(DataProduct.observation_id == observation.id)
        .group_by(DataProduct.status)
    ).all()


def _has_other(session: Session, observation: Observation, product: DataProduct) -> bool:
    """Return whether an observation has another product that is not invalid."""
    return any(
        status is not ProductStatus.INVALID and number > (status is product.status)
        for status, number, _ in _counts(session, observation)
    )


def _after(status: ProductStatus, previous: Status) -> ProductStatus:
    """Return the status of a product after its observation has left a status."""
    is_set_back = previous is Status.INGESTING and status is ProductStatus.INGESTING
    return ProductStatus.VALID if is_set_back else status
