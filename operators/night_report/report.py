"""Build the report of a night from the rows of its queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from atdb_interface import night_reports as wire
from atdb_interface.nights import Night
from operators.night_report import disk_forecast

Row = dict[str, Any]


def make_report(night: Night, rows: Mapping[str, list[Row]], *, made_at: datetime) -> wire.NightReport:
    """Build the report from the rows of the queries; too large numbers and too long lists are cut."""
    rows = {name: [_bounded(row) for row in unbounded] for name, unbounded in rows.items()}
    return wire.NightReport.model_validate(
        {
            "night": night.day,
            "begins": night.begins,
            "ends": night.ends,
            "made_at": made_at,
            "observed_count": len(rows["observed"]),
            "observed_bytes": min(sum(row["size_bytes"] for row in rows["observed"]), wire.LARGEST),
            "observed": rows["observed"][: wire.LONGEST_LIST],
            "failures_count": len(rows["failures"]),
            "failures": rows["failures"][: wire.LONGEST_LIST],
            "waiting": rows["waiting"],
            "longest_waiting": rows["longest_waiting"],
            "data_hosts": rows["data_hosts"][: wire.MOST_HOSTS],
            "stages": rows["stages"],
            "slowest": rows["slowest"],
            "volume_rates": rows["volume_rates"][: wire.MOST_MODES],
            "disks": _disks(night, rows),
        }
    )


def _bounded(row: Row) -> Row:
    """Return a row with all numbers within the limits of a report."""
    return {
        name: min(max(value, -wire.LARGEST), wire.LARGEST) if isinstance(value, int | float | Decimal) else value
        for name, value in row.items()
    }


def _disks(night: Night, rows: Mapping[str, list[Row]]) -> list[wire.DiskRow]:
    rates = {row["observing_mode"]: row["bytes_per_second_per_product"] for row in rows["volume_rates"]}
    planned = defaultdict(list)
    for row in rows["planned"]:
        planned[row["data_host"]].append(row)
    seen = {row["data_host"]: row for row in rows["disks"]}
    # If there are too many, leave out those with the fewest planned observations.
    hosts = sorted({*seen, *planned}, key=lambda host: (-len(planned[host]), host))[: wire.MOST_HOSTS]
    return [_disk(host, seen.get(host), planned[host], rates, night) for host in sorted(hosts)]


def _disk(
    host: str, seen: Row | None, planned: Sequence[Row], rates: Mapping[str, float], night: Night
) -> wire.DiskRow:
    writes = [
        disk_forecast.PlannedWrite(
            row["begins"], row["ends"], rates[row["observing_mode"]] * row["duration_seconds"] * row["products"]
        )
        for row in planned
        if row["observing_mode"] in rates and row["products"]
    ]
    expected = min(
        round(disk_forecast.written_bytes(writes, night.ends, night.ends + wire.FORECAST)), wire.LARGEST
    )
    disk = seen or dict.fromkeys(("total_bytes", "free_bytes", "seen_at"))
    points = disk_forecast.points(seen["free_bytes"], writes, night.ends) if seen else []
    return wire.DiskRow(
        data_host=host,
        total_bytes=disk["total_bytes"],
        free_bytes=disk["free_bytes"],
        seen_at=disk["seen_at"],
        planned_observations=len(writes),
        unknown_observations=len(planned) - len(writes),
        planned_bytes=expected,
        forecast=points,
        full_at=disk_forecast.full_at(seen["free_bytes"], writes, night.ends) if seen else None,
        lowest_free_bytes=points[-1].free_bytes if points else None,
    )
