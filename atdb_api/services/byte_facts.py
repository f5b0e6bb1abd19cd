"""Facts about the bytes of data products: only the holder of a stage's lease can set what the stage finds out.

So no other client can set data to archived or removed, or change the checksum that verifies a copy.
"""

from collections.abc import Collection

from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation
from atdb_api.services import leases
from atdb_interface.dataproducts import BYTE_FACTS
from atdb_interface.errors import NotOwner
from atdb_interface.lifecycle import STAGES, WORKING, Actor, ProductStatus
from atdb_interface.product_lifecycle import PRODUCT_STATUSES

_WORKING_OF = {stage.actor: stage.working for stage in STAGES}


def require_lease(
    session: Session,
    product: DataProduct,
    fields: Collection[str],
    target: ProductStatus | None,
    *,
    actor: str,
    owner: str | None,
    force: bool,
) -> None:
    """Raise NotOwner if a change sets facts about the bytes of a product, and this account may not set them.

    `fields`: the fields that change. `target`: the next status, if it changes. The observation must be locked. For
    repairs, an operator can force some statuses, but no field, and no status that allows a deletion.
    """
    facts = {name: BYTE_FACTS[name] for name in fields if name in BYTE_FACTS}
    row = PRODUCT_STATUSES[target] if target is not None else None
    if target is not None and row is not None and not (force and row.forcible):
        if row.stated_by is None:
            raise NotOwner(
                f"No stage sets {product.filename} to {target}. An operator can force it, with a reason."
            )
        facts[f"status {target}"] = frozenset({row.stated_by})
    if not facts:
        return
    stage = None
    if owner is not None:
        observation = session.get_one(Observation, product.observation_id)
        leases.lease_of(observation, owner, actor)
        stage = WORKING[observation.status]
    for fact, stages in facts.items():
        if stage is None or stage.actor not in stages:
            raise _refusal(product, fact, stages, target if row and row.forcible else None)


def _refusal(
    product: DataProduct, fact: str, stages: Collection[Actor], forcible: ProductStatus | None
) -> NotOwner:
    names = " or ".join(sorted(stages))
    working = " or ".join(sorted(str(_WORKING_OF[stage]) for stage in stages))
    advice = f"Move the observation to {working} with an owner, and name this owner in the request."
    if forcible is not None:
        advice += f" To repair, an operator can force the status {forcible}, with a reason."
    return NotOwner(
        f"Only the holder of the lease of {names} can set the {fact} of {product.filename}. {advice}",
        my_status=product.status,
    )
