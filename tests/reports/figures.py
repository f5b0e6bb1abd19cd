"""Every figure of a night report, computed again from the responses of the REST API."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.lifecycle import STAGES, STEPS, WORKING, Actor, ProductStatus, Status
from atdb_interface.night_reports import NightReport
from atdb_interface.observations import Observation
from atdb_interface.transitions import Transition

S, P = Status, ProductStatus
#: The stage whose failure each status is.
STAGE_OF_FAILURE = {
    step.target: step.actor
    for step in STEPS
    if step.actor is not Actor.OPERATOR and ("error" in step.target or step.target is S.INCOMPLETE)
}
PLANNED = (S.DEFINED, S.SCHEDULED, S.STARTING, S.RUNNING)


class Known:
    """The data of the REST API, read once for all nights."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.now: dict[str, Observation] = {each.taskID: each for each in client.observations()}
        history = [*client.history(ordering="id"), *client.history(ordering="id", dataproduct__isnull=False)]
        self.moves: dict[str, list[Transition]] = defaultdict(list)
        self.product_moves: dict[tuple[str, str], list[Transition]] = defaultdict(list)
        for each in history:
            if each.dataproduct is None:
                self.moves[each.taskID].append(each)
            else:
                self.product_moves[each.taskID, each.dataproduct].append(each)
        self.products: dict[tuple[str, str], DataProduct] = {
            (each.taskID, each.filename): each for each in client.dataproducts()
        }
        self.receipts = list(client.receipts())
        self.disks = {each.data_host: each for each in client.disks()}
        self.sizes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        for (task_id, _), product in self.products.items():
            self.sizes[task_id] += product.size or 0
            self.counts[task_id] += 1


class Figures:
    """The data of one night."""

    def __init__(self, known: Known, begins: datetime, ends: datetime) -> None:
        self.begins, self.ends = begins, ends
        self.now, self.moves, self.product_moves = known.now, known.moves, known.product_moves
        self.products, self.receipts, self.disks = known.products, known.receipts, known.disks
        self.sizes, self.counts = known.sizes, known.counts
        # The last moment of the night in the API, which has whole seconds.
        last = (ends - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.then = {each.taskID: each for each in known.client.observations(as_of=last)}

    def in_night(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends

    def observed(self) -> list[dict[str, Any]]:
        rows = []
        for task_id, moves in self.moves.items():
            started = [
                each.timestamp for each in moves if each.name == S.RUNNING and self.in_night(each.timestamp)
            ]
            if not started:
                continue
            completed = [
                each.timestamp
                for each in moves
                if (each.previous, each.name) == (S.RUNNING, S.COMPLETING)
                and min(started) <= each.timestamp < self.ends
            ]
            rows.append(
                {
                    "taskID": task_id,
                    "name": self.now[task_id].name,
                    "observing_mode": self.now[task_id].observing_mode,
                    "data_host": host(self.now[task_id]),
                    "started_at": min(started),
                    "completed_at": max(completed, default=None),
                    "status": self.then[task_id].my_status,
                    "products": self.counts[task_id],
                    "size_bytes": self.sizes[task_id],
                }
            )
        return rows

    def failures(self) -> list[dict[str, Any]]:
        return [
            {
                "taskID": task_id,
                "name": self.now[task_id].name,
                "stage": STAGE_OF_FAILURE[S(each.name)],
                "failed_status": each.name,
                "at": each.timestamp,
                "actor": each.actor,
                "reason": each.reason[:500],
                "status": self.then[task_id].my_status,
            }
            for task_id, moves in self.moves.items()
            for each in moves
            if each.name in STAGE_OF_FAILURE and each.previous != S.ON_HOLD and self.in_night(each.timestamp)
        ]

    def waited(self) -> dict[str, tuple[Status, datetime, float]]:
        """Return the status, its begin and its duration, of each observation that had not ended."""
        return {
            task_id: (then.my_status, then.status_since, (self.ends - then.status_since).total_seconds())
            for task_id, then in self.then.items()
            if then.my_status not in (S.REMOVED, S.ABORTED)
        }

    def waiting(self) -> list[dict[str, Any]]:
        rows = []
        for status in S:
            waited = {task_id: seconds for task_id, (s, _, seconds) in self.waited().items() if s is status}
            if waited:
                rows.append(
                    {
                        "status": status,
                        "count": len(waited),
                        "median_seconds": median(waited.values()),
                        "longest_seconds": max(waited.values()),
                        "longest_taskID": min(waited, key=lambda task_id: (-waited[task_id], task_id)),
                    }
                )
        return rows

    def longest_waiting(self) -> list[dict[str, Any]]:
        rows = [
            {
                "taskID": task_id,
                "name": self.now[task_id].name,
                "observing_mode": self.now[task_id].observing_mode,
                "data_host": host(self.now[task_id]),
                "status": status,
                "since": since,
                "seconds": seconds,
            }
            for task_id, (status, since, seconds) in self.waited().items()
            if not (status is S.SCHEDULED and self.now[task_id].starttime >= self.ends)
        ]
        return sorted(rows, key=lambda row: (row["since"], row["taskID"]))[:20]

    def data_hosts(self) -> list[dict[str, Any]]:
        counted: dict[str, Counter[str]] = defaultdict(Counter)

        def add(where: str, what: str, size: int | None) -> None:
            counted[where][f"{what}_products"] += 1
            counted[where][f"{what}_bytes"] += size or 0

        for key, moves in self.product_moves.items():
            for status, what in ((P.VALID, "validated"), (P.ARCHIVED, "archived")):
                times = [each.timestamp for each in moves if each.name == status]
                if times and self.in_night(times[0]):
                    product = self.products[key]
                    add(product.data_location.partition(":")[0], what, product.size)
        for receipt in self.receipts:
            if self.in_night(receipt.timestamp):
                add(receipt.data_location.partition(":")[0], "removed", receipt.size)
        names = [
            f"{what}_{unit}" for what in ("validated", "archived", "removed") for unit in ("products", "bytes")
        ]
        return [
            {"data_host": name, **{each: counts[each] for each in names}}
            for name, counts in sorted(counted.items())
        ]

    def stays(self, statuses: Collection[str]) -> list[tuple[str, Transition, Transition, float]]:
        """Return the periods in a status that ended in the night: taskID, entry, exit and seconds."""
        return [
            (task_id, entry, left, (left.timestamp - entry.timestamp).total_seconds())
            for task_id, moves in self.moves.items()
            for entry, left in pairwise(moves)
            if entry.name in statuses and self.in_night(left.timestamp)
        ]

    def stages(self) -> list[dict[str, Any]]:
        rows = []
        for stage in STAGES:
            status = stage.working or S.DEFINED
            stays = self.stays([status])
            lengths = [seconds for *_, seconds in stays]
            most = max(lengths, default=None)
            p95 = quantiles(lengths, n=20, method="inclusive")[18] if len(lengths) > 1 else most
            rows.append(
                {
                    "stage": stage.actor,
                    "status": status,
                    "count": len(stays),
                    "median_seconds": median(lengths) if lengths else None,
                    "p95_seconds": p95,
                    "max_seconds": most,
                    "slowest_taskID": min(((-each[3], each[0]) for each in stays), default=(0, None))[1],
                }
            )
        return rows

    def slowest(self) -> list[dict[str, Any]]:
        stays = sorted(self.stays(WORKING), key=lambda stay: (-stay[3], stay[0], stay[1].timestamp))
        return [
            {
                "taskID": task_id,
                "name": self.now[task_id].name,
                "stage": WORKING[S(entry.name)].actor,
                "status": entry.name,
                "entered": entry.timestamp,
                "left": left.timestamp,
                "seconds": seconds,
                "next_status": left.name,
                "size_bytes": self.sizes[task_id],
            }
            for task_id, entry, left, seconds in stays[:10]
        ]

    def planned(self) -> list[Observation]:
        return [
            self.now[task_id]
            for task_id, then in self.then.items()
            if then.my_status in PLANNED
            and self.now[task_id].endtime > self.ends
            and self.now[task_id].starttime < self.ends + timedelta(days=14)
        ]

    def rates(self) -> dict[str, tuple[int, float]]:
        """Return for each planned mode its rate, and the number of observations that the rate is from."""
        modes = {then.observing_mode for then in self.then.values() if then.my_status in PLANNED}
        rates: dict[str, list[float]] = defaultdict(list)
        for task_id, each in sorted(self.now.items(), key=lambda item: item[1].starttime, reverse=True):
            if each.observing_mode in modes and each.endtime <= self.ends and self.sizes[task_id]:
                rates[each.observing_mode].append(self.sizes[task_id] / each.duration / self.counts[task_id])
        return {mode: (len(samples[:100]), median(samples[:100])) for mode, samples in sorted(rates.items())}

    def volumes(self) -> dict[str, list[tuple[Observation, float]]]:
        """Return, by data host, the planned observations and the bytes that each is expected to write."""
        rates, volumes = self.rates(), defaultdict(list)
        for each in self.planned():
            rate = rates.get(each.observing_mode, (0, 0.0))[1]
            volumes[host(each)].append((each, rate * each.duration * self.counts[each.taskID]))
        return volumes

    def free_bytes(self, where: str, at: datetime) -> float:
        """Return the expected free space of a host at a moment."""
        used = 0.0
        for each, volume in self.volumes().get(where, []):
            begin, end = max(each.starttime, self.ends), min(each.endtime, at)
            used += volume * max(0.0, (end - begin).total_seconds()) / each.duration
        return self.disks[where].free_bytes - used


def host(observation: Observation) -> str:
    return observation.data_location.partition(":")[0]


def rows(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [each.model_dump() for each in items]


def by(*keys: str) -> Any:
    return lambda row: tuple(row[key] for key in keys)


def compare(report: NightReport, known: Known, *, with_disks: bool) -> Counter[str]:
    """Compare each figure, and return the number of rows of each part.

    `with_disks`: no disk was reported after the night.
    """
    figures = Figures(known, report.begins, report.ends)
    key = by("taskID", "started_at")
    assert sorted(rows(report.observed), key=key) == sorted(figures.observed(), key=key)
    assert [row.started_at for row in report.observed] == sorted(row.started_at for row in report.observed)
    assert report.observed_count == len(report.observed)
    assert report.observed_bytes == sum(row.size_bytes for row in report.observed)
    key = by("taskID", "at", "failed_status")
    assert sorted(rows(report.failures), key=key) == sorted(figures.failures(), key=key)
    assert report.failures_count == len(report.failures)
    assert rows(report.waiting) == figures.waiting()
    assert rows(report.longest_waiting) == figures.longest_waiting()
    assert rows(report.data_hosts) == figures.data_hosts()
    for row, expected in zip(rows(report.stages), figures.stages(), strict=True):
        assert row.pop("p95_seconds") == approximately(expected.pop("p95_seconds"))
        assert row == expected
    assert rows(report.slowest) == figures.slowest()
    assert [(row.observing_mode, row.observations) for row in report.volume_rates] == [
        (mode, number) for mode, (number, _) in figures.rates().items()
    ]
    for rate in report.volume_rates:
        assert rate.bytes_per_second_per_product == approximately(figures.rates()[rate.observing_mode][1])
    compare_disks(report, figures, with_disks=with_disks)
    return Counter({name: len(value) for name, value in report if isinstance(value, list)})


def compare_disks(report: NightReport, figures: Figures, *, with_disks: bool) -> None:
    volumes = figures.volumes()
    assert {row.data_host for row in report.disks} >= set(volumes)
    for row in report.disks:
        planned = volumes.get(row.data_host, [])
        known = [(each, volume) for each, volume in planned if volume]
        assert row.planned_observations == len(known)
        assert row.unknown_observations == len(planned) - len(known)
        if not with_disks:
            continue
        disk = figures.disks.get(row.data_host)
        if disk is None:
            assert (row.total_bytes, row.free_bytes, row.seen_at, row.full_at) == (None,) * 4
            assert row.forecast == []
            continue
        assert (row.total_bytes, row.free_bytes, row.seen_at) == (
            disk.total_bytes,
            disk.free_bytes,
            disk.last_seen,
        )
        assert [point.at for point in row.forecast] == [figures.ends + timedelta(hours=6 * n) for n in range(57)]
        for point in row.forecast:
            assert abs(point.free_bytes - figures.free_bytes(row.data_host, point.at)) <= 2
        assert row.lowest_free_bytes == row.forecast[-1].free_bytes
        assert abs(row.planned_bytes - (disk.free_bytes - row.forecast[-1].free_bytes)) <= 2
        if row.full_at is None:
            assert row.forecast[-1].free_bytes > 0
        else:  # one second earlier there is still space, and one second later there is none
            assert figures.free_bytes(row.data_host, row.full_at - timedelta(seconds=1)) > 0
            assert figures.free_bytes(row.data_host, row.full_at + timedelta(seconds=1)) <= 0


def approximately(value: float | None) -> Any:
    return pytest.approx(value) if value is not None else None
