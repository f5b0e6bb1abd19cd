"""The plot of the bytes that were validated, archived and removed on each data host."""

from collections.abc import Sequence
from dataclasses import dataclass

from atdb_api.gui.formats import size
from atdb_interface.lifecycle import Group
from atdb_interface.lifecycle import ProductStatus as P
from atdb_interface.night_reports import DataHostRow
from atdb_interface.quantities import count_of

#: More hosts would not be readable; the table has all.
MOST_HOSTS = 12
_HEAD, _ROW, _GAP = 20, 28, 10


@dataclass(frozen=True)
class VolumeBar:
    """A bar for an amount of data. `key`: of its colour. `width`: in percent of the largest. `top`: in pixels."""

    key: str
    label: str
    width: float
    top: int


@dataclass(frozen=True)
class HostVolumes:
    """A data host and its bars. `top` in pixels."""

    name: str
    top: int
    bars: list[VolumeBar]


@dataclass(frozen=True)
class Volumes:
    """All that the plot shows. `height` in pixels."""

    hosts: list[HostVolumes]
    height: int
    more_hosts: int


def of(rows: Sequence[DataHostRow]) -> Volumes | None:
    """Return the bars of all data hosts, those with most data first; None if there are none."""
    in_order = sorted(rows, key=lambda row: (-max(_amounts(row)), row.data_host))
    if not in_order:
        return None
    largest = max(_amounts(in_order[0])) or 1
    step = _HEAD + 3 * _ROW + _GAP
    hosts = [_host(row, number * step, largest) for number, row in enumerate(in_order[:MOST_HOSTS])]
    return Volumes(hosts, len(hosts) * step - _GAP, max(0, len(in_order) - MOST_HOSTS))


def _amounts(row: DataHostRow) -> tuple[int, int, int]:
    return row.validated_bytes, row.archived_bytes, row.removed_bytes


def _host(row: DataHostRow, top: int, largest: int) -> HostVolumes:
    kinds = (
        (Group.WORKING.key, "validated", row.validated_bytes, row.validated_products),
        (Group.DONE.key, P.ARCHIVED, row.archived_bytes, row.archived_products),
        (Group.ENDED.key, P.REMOVED, row.removed_bytes, row.removed_products),
    )
    bars = [
        VolumeBar(
            key,
            f"{word} {size(amount)} ({count_of(products, 'product')})",
            round(max(100 * amount / largest, 0.5 if amount else 0), 2),
            top + _HEAD + number * _ROW,
        )
        for number, (key, word, amount, products) in enumerate(kinds)
    ]
    return HostVolumes(row.data_host, top, bars)
