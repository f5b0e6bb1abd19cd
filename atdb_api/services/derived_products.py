"""What data products derive from their observation: which there are, their data location and archive folder.

Edits of the observation change these too while all products are defined; later such edits are refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation
from atdb_api.services import archive_folders, data_places, dataproducts
from atdb_api.services.specifications import specification
from atdb_interface.data_hosts import data_path
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import Conflict
from atdb_interface.expected_products import expected_products
from atdb_interface.lifecycle import AT_THE_TELESCOPE, BEFORE_START, SPECIFY, ProductStatus

#: No product depends on these fields of its observation.
_INDEPENDENT = frozenset({"priority", "skip_auto_ingest"})


@dataclass
class Following:
    """What an edit of an observation changes in its products: new places, deletions and additions."""

    observation: Observation
    kept: list[DataProduct] = field(default_factory=list)
    places: dict[DataProduct, dict[str, Any]] = field(default_factory=dict)
    obsolete: list[DataProduct] = field(default_factory=list)
    missing: list[NewDataProduct] = field(default_factory=list)

    @property
    def changes_products(self) -> bool:
        """Return whether products come, go or move."""
        return bool(self.places or self.obsolete or self.missing)

    def carry_out(self, session: Session, *, actor: str, reason: str) -> None:
        """Carry out the changes, after the observation has its new values."""
        if not (self.kept or self.obsolete or self.missing):
            return
        for product in self.obsolete:
            dataproducts.delete(session, product, actor=actor)
        for product, place in self.places.items():
            dataproducts.edit(session, product, place, actor=actor, reason=reason)
        session.flush()
        archive_folders.follow(self.observation, self.kept)
        session.flush()
        if self.missing:
            dataproducts.create(session, self.missing, actor=actor)


def plan(session: Session, observation: Observation, values: Mapping[str, Any]) -> Following:
    """Return what an edit of a locked observation would change in its products; change nothing.

    `values`: the fields that change, by the names of the table. Raises Conflict if products that must change are
    not defined any more, if the telescope has been started for them, or if their new place is taken.
    """
    if not values.keys() - _INDEPENDENT:
        return Following(observation)
    products = session.scalars(
        select(DataProduct).where(DataProduct.observation_id == observation.id).order_by(DataProduct.id)
    ).all()
    status = observation.held_from or observation.status
    if not products and status is SPECIFY.source:
        return Following(observation)
    before = {product.filename for product in expected_products(specification(observation))}
    after = {product.filename: product for product in expected_products(specification(observation, values))}
    names = {product.filename for product in products}
    dropped = before - after.keys()
    is_specified = status is not SPECIFY.source and before <= names
    following = Following(
        observation,
        kept=[product for product in products if product.filename not in dropped],
        obsolete=[product for product in products if product.filename in dropped],
        missing=[new for name, new in after.items() if name not in names] if is_specified else [],
    )
    is_moved = "data_location" in values
    moved = [
        product for product in following.kept if is_moved and product.data_location == observation.data_location
    ]
    if following.obsolete or following.missing or moved:
        _require_changeable(observation, products, is_other_set=bool(following.obsolete or following.missing))
        data_location = values.get("data_location", observation.data_location)
        coming = [*(product.filename for product in moved), *(new.filename for new in following.missing)]
        data_places.require_free(
            session,
            [data_path(data_location, name) for name in coming],
            own=[product.id for product in (*moved, *following.obsolete)],
        )
    following.places = {product: _new_place(observation, product, values) for product in moved}
    return following


def _new_place(observation: Observation, product: DataProduct, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new data location of a product, with the new node if it had both from its observation."""
    names = ["data_location", "node"] if product.node == observation.node else ["data_location"]
    return {name: values[name] for name in names if name in values}


def _require_changeable(observation: Observation, products: Sequence[DataProduct], *, is_other_set: bool) -> None:
    """Raise Conflict unless the products of an observation can follow an edit. `is_other_set`: some come or go."""
    status = observation.held_from or observation.status
    beyond = [product for product in products if product.status is not ProductStatus.DEFINED]
    if beyond:
        problem = f"its data product {beyond[0].filename} is {beyond[0].status}"
    elif status in AT_THE_TELESCOPE:
        problem = "the telescope writes its data products now"
    elif is_other_set and status not in BEFORE_START:
        problem = "the telescope was started for its present data products"
    else:
        return
    raise Conflict(
        f"Cannot change what the data products of {observation.task_id} depend on, because {problem}. "
        f"They can follow only while all of them are {ProductStatus.DEFINED}, and not during the observation.",
        my_status=observation.status,
    )
