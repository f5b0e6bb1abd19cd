"""Signs of life: which services are there, and how full the disks of the data hosts are."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.fields import Name, Size, Text, Time
from atdb_interface.lifecycle import Status
from atdb_interface.models import Wire


class SignOfLife(Wire):
    """A service says that it is there, for which statuses it works, and what it does now."""

    name: Name
    statuses: Annotated[list[Status], Field(max_length=20)] = Field(default_factory=list)
    detail: Text = ""


class Service(BaseModel):
    """A service as ATDB knows it."""

    name: str
    statuses: list[Status]
    detail: str
    last_seen: Time


class DiskUsage(Wire):
    """How full the disk of a data host is, in bytes."""

    data_host: Name
    total_bytes: Size
    free_bytes: Size


class Disk(BaseModel):
    """A disk as it was last seen. `bytes_per_day`: how fast it fills, and when it will be full at that rate."""

    data_host: str
    last_seen: Time
    total_bytes: int
    free_bytes: int
    bytes_per_day: int | None
    full_at: Time | None
