"""Night reports for tests and screenshots: an empty night, a busy one, and a terrible one."""

from datetime import UTC, date, datetime, time, timedelta

from atdb_interface.lifecycle import STAGES, Actor, Status
from atdb_interface.night_reports import (
    FORECAST,
    FORECAST_STEP,
    DataHostRow,
    DiskPoint,
    DiskRow,
    FailureRow,
    NightReport,
    ObservedRow,
    SlowestRow,
    StageRow,
    VolumeRate,
    WaitingGroup,
    WaitingRow,
)

NIGHT = date(2026, 4, 5)
GB, TB = 10**9, 10**12
HOSTS = ("wcudata1", "wcudata2", "arts001", "arts041")
S = Status
#: HTML, quotes, a very long word, and characters that reverse or hide text: users write names and reasons.
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}{% raw %}</style></svg></title>--><!--"
    + "\u202eevil\u2066\u200f\x00\x07\x1b[31m\u2028" + "W" * 300 + "&lt;b&gt;"
)  # fmt: skip

AWAY = (
    "ArchiveError: WSRTA{0}_B000.MS could not be written to file:///archive: "
    "the archive did not respond (5 attempts)"
)
REFUSED, MISSING = "the telescope refused it: RT9 does not track", "1 of 40 products are missing: B003.MS"


def empty(night: date = NIGHT) -> NightReport:
    """Return the report of a night in which nothing happened."""
    begins = datetime.combine(night, time(8), UTC)
    return NightReport(
        night=night,
        begins=begins,
        ends=begins + timedelta(days=1),
        made_at=begins + timedelta(days=1, minutes=2),
        observed_count=0,
        observed_bytes=0,
        observed=[],
        failures_count=0,
        failures=[],
        waiting=[],
        longest_waiting=[],
        data_hosts=[],
        stages=[_stage(stage.actor, 0) for stage in STAGES],
        slowest=[],
        volume_rates=[],
        disks=[],
    )


def busy(night: date = NIGHT) -> NightReport:
    """Return the report of a night with 45 observations and seven failures, of which four were fixed."""
    report = empty(night)
    observed = _observed(report.begins, 45)
    failures = [
        *(_failure(each, S.INGEST_ERROR, AWAY.format(each.taskID), S.ARCHIVED) for each in observed[10:14]),
        *(_failure(each, S.INGEST_ERROR, AWAY.format(each.taskID), S.INGEST_ERROR) for each in observed[14:16]),
        _failure(observed[20], S.ERROR_START_OBS, REFUSED, S.ERROR_START_OBS),
    ]
    return report.model_copy(
        update={
            "observed_count": len(observed),
            "observed_bytes": sum(each.size_bytes for each in observed),
            "observed": observed,
            "failures_count": len(failures),
            "failures": failures,
            "waiting": [
                _waiting(S.SCHEDULED, 51, 86_400, 190_000),
                _waiting(S.RUNNING, 1, 9_000, 9_000),
                _waiting(S.COMPLETED, 1, 60_000, 60_000),
                _waiting(S.VALID, 3, 2_400, 5_200),
                _waiting(S.INGESTING, 2, 6_000, 12_240),
                _waiting(S.INGEST_ERROR, 2, 21_000, 21_900),
                _waiting(S.ARCHIVED, 38, 40_000, 200_000),
                _waiting(S.ERROR_NO_COMPLETING, 1, 30_000, 3_000_000),
            ],
            "longest_waiting": [
                _waiting_row(report, S.COMPLETED, 60_000, "B0531+21", "arts041"),
                _waiting_row(report, S.ERROR_START_OBS, 30_000, "3C196_20", "wcudata2"),
                _waiting_row(report, S.INGEST_ERROR, 21_900, "3C196_14", "wcudata1"),
                _waiting_row(report, S.INGESTING, 12_240, "S0314+36", "wcudata1"),
            ],
            "data_hosts": [
                _host("wcudata1", 5200 * GB, 4600 * GB, 9100 * GB),
                _host("wcudata2", 61 * GB, 58 * GB, 0),
                _host("arts001", 2100 * GB, 2100 * GB, 1400 * GB),
                _host("arts041", 3 * GB, 0, 0),
            ],
            "stages": [
                _stage(Actor.SPECIFY, 56, 0.6, 1.9, 2.2),
                _stage(Actor.OBSERVE, 45, 598, 601, 612),
                _stage(Actor.VALIDATE, 44, 84, 2_400, 2_940),
                _stage(Actor.INGEST, 40, 410, 11_800, 12_600),
                _stage(Actor.REMOVE, 12, 31, 70, 95),
            ],
            "slowest": [_slow(report, n, 12_600 / (1 + n / 3)) for n in range(10)],
            "volume_rates": [
                VolumeRate(observing_mode="imaging", observations=100, bytes_per_second_per_product=2.78e6),
                VolumeRate(observing_mode="arts_sc4_survey", observations=31, bytes_per_second_per_product=2.1e7),
            ],
            "disks": [
                _disk(report, "wcudata1", 40, 16.9, 3.1, unknown=0),
                _disk(report, "wcudata2", 40, 24.8, 0.06, unknown=0),
                _disk(report, "arts001", 25, 2.2, 1.9, unknown=2),
                _disk(report, "arts041", None, None, 0, unknown=1),
            ],
        }
    )


def terrible(night: date = NIGHT) -> NightReport:
    """Return the report of a night with a hundred failures, with malicious names and reasons."""
    report = busy(night)
    observed = _observed(report.begins, 110)
    hostile = [each.model_copy(update={"name": HOSTILE, "data_host": HOSTILE[:80]}) for each in observed[:3]]
    failures = [
        *(_failure(each, S.INGEST_ERROR, AWAY.format(each.taskID), S.INGEST_ERROR) for each in observed[:70]),
        *(_failure(each, S.INCOMPLETE, MISSING, S.VALID) for each in observed[70:85]),
        *(_failure(each, S.ERROR_TOO_LATE, "62 s past its start", S.ABORTED) for each in observed[85:94]),
        *(_failure(each, S.ERROR_NO_COMPLETING, "", S.ERROR_NO_COMPLETING) for each in observed[94:97]),
        *(_failure(each, S.REMOVE_ERROR, HOSTILE, S.REMOVE_ERROR) for each in hostile),
    ]
    return report.model_copy(
        update={
            "observed_count": 1200,
            "observed": [*hostile, *observed[3:]],
            "failures_count": len(failures),
            "failures": failures,
            "longest_waiting": [
                _waiting_row(report, S.INGEST_ERROR, 900_000 - 1000 * n, HOSTILE, "wcudata1") for n in range(20)
            ],
            "data_hosts": [_host(HOSTILE[:100], 7 * GB, 0, 0), *report.data_hosts],
            "disks": [
                _disk(report, host, 40, 0.9 + n, 30 - n, unknown=n)
                for n, host in enumerate((*HOSTS, HOSTILE[:100]))
            ],
        }
    )


def _observed(begins: datetime, number: int) -> list[ObservedRow]:
    """Return a long field, and consecutive short scans on alternating hosts."""
    rows, at = [], begins + timedelta(minutes=12)
    for n in range(number):
        length = timedelta(hours=11.5) if n == 0 else timedelta(minutes=60 if n % 9 == 3 else 5)
        mode = "arts_sc4_survey" if n % 9 == 3 else "imaging"
        is_last = n == number - 1
        status = S.RUNNING if is_last else S.INGEST_ERROR if n in (14, 15) else S.ARCHIVED if n % 5 else S.REMOVED
        rows.append(
            ObservedRow(
                taskID=f"{begins:%y%m%d}{n + 1:03}",
                name="S0314+36" if n == 0 else f"3C196_{n}",
                observing_mode=mode,
                data_host="arts001" if n % 9 == 3 else HOSTS[n % 2],
                started_at=at,
                completed_at=None if is_last else min(at + length, begins + timedelta(hours=23.9)),
                status=status,
                products=40 if n == 0 else 1,
                size_bytes=4600 * GB if n == 0 else 2 * GB,
            )
        )
        pause = timedelta(minutes=20) if n == 0 else length + timedelta(minutes=11)
        at = min(at + pause, begins + timedelta(hours=23.8))
    return sorted(rows, key=lambda each: each.started_at)


def _failure(of: ObservedRow, failed: Status, reason: str, status: Status) -> FailureRow:
    stage = {S.INGEST_ERROR: Actor.INGEST, S.INCOMPLETE: Actor.VALIDATE, S.REMOVE_ERROR: Actor.REMOVE}
    return FailureRow(
        taskID=of.taskID,
        name=of.name,
        stage=stage.get(failed, Actor.OBSERVE),
        failed_status=failed,
        at=(of.completed_at or of.started_at) + timedelta(minutes=4),
        actor="airflow",
        reason=reason[:500],
        status=status,
    )


def _waiting(status: Status, number: int, median: float, longest: float) -> WaitingGroup:
    return WaitingGroup(
        status=status,
        count=number,
        median_seconds=median,
        longest_seconds=longest,
        longest_taskID="260404007",
    )


def _waiting_row(report: NightReport, status: Status, seconds: float, name: str, host: str) -> WaitingRow:
    return WaitingRow(
        taskID="260404007",
        name=name,
        observing_mode="imaging",
        data_host=host,
        status=status,
        since=report.ends - timedelta(seconds=seconds),
        seconds=seconds,
    )


def _host(name: str, validated: int, archived: int, removed: int) -> DataHostRow:
    return DataHostRow(
        data_host=name,
        validated_products=validated // (2 * GB),
        validated_bytes=validated,
        archived_products=archived // (2 * GB),
        archived_bytes=archived,
        removed_products=removed // (2 * GB),
        removed_bytes=removed,
    )


def _stage(actor: Actor, number: int, *seconds: float) -> StageRow:
    status = next(stage.working or S.DEFINED for stage in STAGES if stage.actor is actor)
    median, p95, most = seconds or (None, None, None)
    return StageRow(
        stage=actor,
        status=status,
        count=number,
        median_seconds=median,
        p95_seconds=p95,
        max_seconds=most,
        slowest_taskID="260405001" if number else None,
    )


def _slow(report: NightReport, number: int, seconds: float) -> SlowestRow:
    entered = report.begins + timedelta(hours=1 + number)
    return SlowestRow(
        taskID=f"260405{number + 1:03}",
        name=f"3C196_{number}",
        stage=Actor.INGEST,
        status=S.INGESTING,
        entered=entered,
        left=entered + timedelta(seconds=seconds),
        seconds=seconds,
        next_status=S.INGEST_ERROR if number == 2 else S.ARCHIVED,
        size_bytes=4600 * GB // (1 + number),
    )


def _disk(
    report: NightReport, host: str, total: int | None, free: float | None, per_day: float, *, unknown: int
) -> DiskRow:
    points, full_at = [], None
    if free is not None:
        for n in range(FORECAST // FORECAST_STEP + 1):
            # Observations are made at night, so the space shrinks in steps.
            used = per_day * (n // 4 + (0, 0.1, 0.6, 1)[n % 4])
            points.append(DiskPoint(at=report.ends + n * FORECAST_STEP, free_bytes=int((free - used) * TB)))
        full_at = next((point.at for point in points if point.free_bytes <= 0), None)
    return DiskRow(
        data_host=host,
        total_bytes=None if total is None else total * TB,
        free_bytes=None if free is None else int(free * TB),
        seen_at=None if free is None else report.ends - timedelta(minutes=3),
        planned_observations=0 if free is None else 51,
        unknown_observations=unknown,
        planned_bytes=int(per_day * 14 * TB),
        forecast=points,
        full_at=full_at,
        lowest_free_bytes=points[-1].free_bytes if points else None,
    )
