"""The data products of a task: how many have which status, and a page of them with what went wrong with each."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from atdb_api.models import DataProduct, Observation, Transition
from atdb_api.search import filters
from atdb_interface.lifecycle import Group, ProductStatus, product_statuses

PAGE_SIZE = 50
PAGE = "products"
_ERRORS = product_statuses(lambda row: row.group is Group.ATTENTION)


@dataclass(frozen=True)
class Products:
    """A page of the products; `troubles`: of each that ever failed, its failures, newest last."""

    counts: dict[ProductStatus, int]
    page: int
    pages: int
    rows: Sequence[DataProduct]
    troubles: dict[str, list[Transition]]

    @property
    def total(self) -> int:
        """Count them all."""
        return sum(self.counts.values())

    @property
    def facts(self) -> Any:
        """Tell what the page of them is written from."""
        shown = [(p.id, p.status, p.size, p.checksum, p.archive_copy, p.removal_forced_by) for p in self.rows]
        return self.counts, self.page, shown, {name: len(errors) for name, errors in self.troubles.items()}


def read_products(session: Session, observation: Observation) -> Products:
    """Read the page of the products that the address asks for: two statements."""
    theirs = DataProduct.observation_id == observation.id
    found = session.execute(select(DataProduct.status, func.count()).where(theirs).group_by(DataProduct.status))
    counts = dict(sorted(found, key=lambda each: list(ProductStatus).index(each[0])))
    pages = max(1, -(-sum(counts.values()) // PAGE_SIZE))
    page = _page(pages)
    return Products(counts, page, pages, *_read_page(session, observation, page))


def _read_page(
    session: Session, observation: Observation, page: int
) -> tuple[list[DataProduct], dict[str, list[Transition]]]:
    theirs = select(DataProduct).where(DataProduct.observation_id == observation.id).order_by(DataProduct.filename)
    product = aliased(DataProduct, theirs.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE).subquery())
    failures = and_(
        Transition.task_id == product.task_id,
        Transition.dataproduct == product.filename,
        Transition.status.in_(_ERRORS),
    )
    rows: list[DataProduct] = []
    troubles: dict[str, list[Transition]] = defaultdict(list)
    for row, failure in session.execute(
        select(product, Transition).outerjoin(Transition, failures).order_by(product.filename, Transition.id)
    ):
        if not rows or rows[-1] is not row:
            rows.append(row)
        if failure is not None:
            troubles[row.filename].append(failure)
    return rows, troubles


def _page(pages: int) -> int:
    text = request.args.get(PAGE) or "1"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise filters.unreadable(PAGE, "is not the number of a page")
    return min(max(1, int(text)), pages)
