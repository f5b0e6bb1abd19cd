"""The data products of an observation: their number by status, and a page of them with their failures."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from atdb_api.models import DataProduct, Observation, Transition
from atdb_interface.lifecycle import Group, ProductStatus
from atdb_interface.product_lifecycle import product_statuses

PAGE_SIZE = 50
_ERRORS = product_statuses(lambda row: row.group is Group.ATTENTION)


@dataclass(frozen=True)
class ProductFailure:
    """When a product failed, with which status and why."""

    at: datetime
    status: str
    reason: str


@dataclass(frozen=True)
class ProductRow:
    """A product. `failures`: the newest last."""

    id: int
    filename: str
    status: ProductStatus
    size: int | None
    announced_size: int | None
    checksum: str | None
    data_location: str
    archive_copy: str | None
    removal_forced_by: str | None
    removal_forced_reason: str | None
    failures: list[ProductFailure]


@dataclass(frozen=True)
class ProductList:
    """A page of the products. `counts`: of all of them, by status."""

    counts: dict[ProductStatus, int]
    page: int
    pages: int
    rows: list[ProductRow]

    @property
    def total(self) -> int:
        """Count all products."""
        return sum(self.counts.values())


def read_products(session: Session, observation: Observation, page: int) -> ProductList:
    """Read a page of the products of an observation, with two statements.

    Read the last page if this page does not exist.
    """
    numbers = session.execute(
        select(DataProduct.status, func.count())
        .where(DataProduct.observation_id == observation.id)
        .group_by(DataProduct.status)
    )
    counts = dict(sorted(numbers, key=lambda each: list(ProductStatus).index(each[0])))
    pages = max(1, -(-sum(counts.values()) // PAGE_SIZE))
    page = min(max(1, page), pages)
    return ProductList(counts, page, pages, _read_page(session, observation, page))


def _read_page(session: Session, observation: Observation, page: int) -> list[ProductRow]:
    products = (
        select(DataProduct).where(DataProduct.observation_id == observation.id).order_by(DataProduct.filename)
    )
    product = aliased(DataProduct, products.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE).subquery())
    failures = and_(
        Transition.task_id == product.task_id,
        Transition.dataproduct == product.filename,
        Transition.status.in_(_ERRORS),
    )
    failures_of: dict[DataProduct, list[ProductFailure]] = defaultdict(list)
    for row, failure in session.execute(
        select(product, Transition).outerjoin(Transition, failures).order_by(product.filename, Transition.id)
    ):
        of_product = failures_of[row]
        if failure is not None:
            of_product.append(ProductFailure(failure.at, failure.status, failure.reason))
    return [_row(product, failures) for product, failures in failures_of.items()]


def _row(product: DataProduct, failures: list[ProductFailure]) -> ProductRow:
    return ProductRow(
        id=product.id,
        filename=product.filename,
        status=product.status,
        size=product.size,
        announced_size=product.announced_size,
        checksum=product.checksum,
        data_location=product.data_location,
        archive_copy=product.archive_copy,
        removal_forced_by=product.removal_forced_by,
        removal_forced_reason=product.removal_forced_reason,
        failures=failures,
    )
