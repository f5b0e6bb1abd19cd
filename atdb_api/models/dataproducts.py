"""Data products, and the receipts of those that have been removed."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from atdb_api.models.base import Base
from atdb_interface.lifecycle import ProductStatus

#: The number of characters that `data_path` keeps of a path, because an index cannot hold any length.
LONGEST_DATA_PATH = 600


class DataProduct(Base):
    """One file or directory that an observation writes."""

    __tablename__ = "dataproducts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    observation_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("observations.id", ondelete="CASCADE"))
    task_id: Mapped[str]
    status: Mapped[ProductStatus]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    name: Mapped[str]
    filename: Mapped[str]
    description: Mapped[str]
    dataproduct_type: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None]
    quality: Mapped[str | None]
    node: Mapped[str | None]
    data_location: Mapped[str]
    #: The place of its data, `host:/directory/filename`, in which no slash is superfluous; ordered by bytes.
    data_path: Mapped[str] = mapped_column(
        Text(collation="C"),
        Computed(
            "\"left\"(regexp_replace(((data_location || '/'::text) || filename), "
            "'/([.]?/)+'::text, '/'::text, 'g'::text), 600)",
            persisted=True,
        ),
    )
    #: What was announced when it was created; `size` and `checksum` show the same until it is validated.
    announced_size: Mapped[int | None] = mapped_column(BigInteger)
    announced_checksum: Mapped[str | None]
    #: The digest of the file states of its data when they were last read, and the identity of their disk.
    identity: Mapped[str | None]
    disk: Mapped[str | None]
    #: Its path below the root of the archive. ATDB assigns it; no other product has the same.
    archive_location: Mapped[str | None]
    archive_copy: Mapped[str | None]
    #: The identity of the archive that holds the copy. Null in the copies of earlier versions.
    archive_identity: Mapped[str | None]
    removal_forced_by: Mapped[str | None]
    removal_forced_reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("observation_id", "filename"),
        UniqueConstraint("archive_location"),
        Index("ix_dataproducts_task_id", "task_id"),
        Index("ix_dataproducts_status", "status"),
        Index("ix_dataproducts_data_path", "data_path"),
    )


class Receipt(Base):
    """A data product that was removed from a data host. Append-only; it stays when the product is deleted."""

    __tablename__ = "receipts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    task_id: Mapped[str] = mapped_column(index=True)
    dataproduct: Mapped[str]
    data_location: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None]
    archive_copy: Mapped[str | None]
    actor: Mapped[str]
    owner: Mapped[str | None]
    forced: Mapped[bool]
    reason: Mapped[str]
