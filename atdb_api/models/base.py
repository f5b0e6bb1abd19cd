"""What all tables have in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    Double,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

from atdb_interface.lifecycle import ProductStatus, Status


class StatusText(TypeDecorator[StrEnum]):
    """A status: text in the database, a member of its enumeration in Python."""

    impl = Text
    cache_ok = True

    def __init__(self, statuses: type[Status] | type[ProductStatus]) -> None:
        super().__init__()
        self.statuses = statuses

    @property
    def python_type(self) -> type[str]:
        """Return the type for code that knows nothing of statuses."""
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert a status to text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """Convert text to a status."""
        return None if value is None else self.statuses(value)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        float: Double,
        Status: StatusText(Status),
        ProductStatus: StatusText(ProductStatus),
    }
