"""The folder of each observation in the archive, which the locations of its products have in common."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation
from atdb_api.services.specifications import specification
from atdb_interface.archive_locations import archive_folder
from atdb_interface.lifecycle import ProductStatus, Status

#: The archive holds nothing of products with these statuses if they have no archive copy.
_NOT_ARCHIVED = (ProductStatus.DEFINED, ProductStatus.VALID, ProductStatus.INVALID)


def folder_of(session: Session, observation: Observation) -> str:
    """Return the folder of an observation: that of its products, or a new one if it has none yet."""
    location = session.scalar(
        select(DataProduct.archive_location)
        .where(DataProduct.observation_id == observation.id, DataProduct.archive_location.is_not(None))
        .order_by(DataProduct.id)
        .limit(1)
    )
    return location.rpartition("/")[0] if location else archive_folder(specification(observation))


def follow(observation: Observation, products: Sequence[DataProduct]) -> None:
    """Assign the locations of all products of a changed observation again, unless the archive may hold some.

    The folder in use stays as soon as an ingest has begun.
    """
    is_free = observation.status is not Status.INGESTING and all(
        product.status in _NOT_ARCHIVED and product.archive_copy is None for product in products
    )
    if products and is_free:
        folder = archive_folder(specification(observation))
        for product in products:
            product.archive_location = location_in(folder, product.filename)


def location_in(folder: str, filename: str) -> str:
    """Return the archive location of a product in the folder of its observation."""
    return f"{folder}/{filename}"
