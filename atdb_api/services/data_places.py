"""The places of data products on the data hosts: each has its own, and none is inside another one.

The removal of a directory would delete every product in it, whichever observation that belongs to.
"""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Text, and_, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from atdb_api.models import LONGEST_DATA_PATH, DataProduct, Observation
from atdb_interface.data_hosts import data_path
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import ProductStatus

_LOCK = "places of data products"
_ADVICE = "Correct the data location or the name: a removal would delete the data of both."


def require_free(session: Session, places: Sequence[str], own: Collection[int] = ()) -> None:
    """Raise Conflict unless each of these places is free, and neither inside nor above the place of a product.

    Removed products do not count. Until the transaction ends, no other transaction can take a place. `places`: the
    places of new products, or the new places of the products with the ids `own`. See `data_path`.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0))))
    mine = set(places)
    if len(mine) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise Conflict(f"Two data products would have the same place {twice}. {_ADVICE}")
    others = {_place(other): other for other in _near(session, places, own)}
    for place in places:
        if place in others:
            raise _taken(place, "is", others[place])
        for above in _above(place):
            if above in mine:
                raise Conflict(f"The place {place} of a data product is inside another one, {above}. {_ADVICE}")
            if above in others:
                raise _taken(place, "is inside", others[above])
    for other_place, other in others.items():
        for above in _above(other_place):
            if above in mine:
                raise _taken(above, "is above", other)


def neighbours(session: Session, observation: Observation) -> list[DataProduct]:
    """Return the products of other observations that are at, above or inside the place of one of this observation.

    Those that have been removed take no place. If several are inside one, only the first is returned.
    """
    products = session.scalars(select(DataProduct).where(DataProduct.observation_id == observation.id)).all()
    places = [_place(product) for product in products if product.status is not ProductStatus.REMOVED]
    return _near(session, places, [product.id for product in products])


def _place(product: DataProduct) -> str:
    return data_path(product.data_location, product.filename)


def _above(place: str) -> Iterator[str]:
    """Yield the directories above a place, without the host."""
    while (place := place.rpartition("/")[0]) and not place.endswith(":"):
        yield place


def _near(session: Session, places: Sequence[str], own: Collection[int]) -> list[DataProduct]:
    """Return the other products that are at or above one of these places, and the first inside each place.

    The result can also have products at other places with a long path, because the index has only the beginning of
    such paths.
    """
    at_or_above = {each[:LONGEST_DATA_PATH] for place in places for each in (place, *_above(place))}
    takes_place = and_(DataProduct.status != ProductStatus.REMOVED, DataProduct.id.not_in(own))
    same_or_above = select(DataProduct).where(DataProduct.data_path.in_(at_or_above), takes_place)
    beginnings = [f"{place}/" for place in places if len(place) < LONGEST_DATA_PATH]
    each = func.unnest(cast(beginnings, ARRAY(Text))).table_valued("path", name="beginnings").render_derived()
    first = (
        select(DataProduct.id)
        .where(
            DataProduct.data_path > each.c.path,
            DataProduct.data_path < func.left(each.c.path, -1).concat("0"),  # "0" is the character after "/"
            takes_place,
        )
        .limit(1)
        .lateral()
    )
    inside = select(DataProduct).where(
        DataProduct.id.in_(select(first.c.id).select_from(each.join(first, true())))
    )
    return [*session.scalars(same_or_above), *session.scalars(inside)]


def _taken(place: str, relation: str, other: DataProduct) -> Conflict:
    return Conflict(
        f"The place {place} of a data product {relation} that of {_place(other)}, which is a data product of "
        f"{other.task_id} with status {other.status}. {_ADVICE}",
        taskID=other.task_id,
    )
