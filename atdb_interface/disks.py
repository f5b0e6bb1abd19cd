"""The disks of the data hosts: their size, free space and forecast."""

from pydantic import BaseModel

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, Size, Time


class DiskUsage(Wire):
    """The size and free space of a data host's disk, in bytes."""

    data_host: Name
    total_bytes: Size
    free_bytes: Size


class Disk(BaseModel):
    """The last report of a disk. `bytes_per_day`: how fast it fills. `full_at`: when it is full at that rate.

    Both are null until there are measurements of six hours.
    """

    data_host: str
    last_seen: Time
    total_bytes: int
    free_bytes: int
    bytes_per_day: int | None
    full_at: Time | None
