"""The result of each fault: which observations it affected, and how long they took to recover, as a table."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from atdb_interface.lifecycle import Status
from atdb_interface.status_kinds import FAILED
from standalone.rehearsal.archive_plan import ArchiveFaults
from standalone.rehearsal.evidence import Evidence, Row
from standalone.rehearsal.faults import (
    OF_ARCHIVE,
    OF_DATA,
    OF_TELESCOPE,
    Injection,
    RehearsalRecord,
    RehearsedFault,
)
from standalone.rehearsal.findings import Finding, Violation
from standalone.simulator.journal import Journal

#: A step to one of these statuses is not progress.
_STANDSTILL = frozenset({*FAILED, Status.ON_HOLD})


def read_journals(record: RehearsalRecord, telescope: Path, archive: ArchiveFaults) -> None:
    """Record which faults of the telescope and the archive really occurred."""
    for event in Journal(telescope / "journal.jsonl").events():
        if event["event"] == "fault":
            fault = RehearsedFault[event["rule"].partition(".")[0]]
            begun = datetime.fromisoformat(event["at"])
            injection = record.inject(fault, event["taskID"], begun=begun)
            injection.ended = begun + timedelta(seconds=OF_TELESCOPE[fault][1])
    events = defaultdict(list)
    for event in archive.events():
        events[event["rule"]].append(event)
    for rule, met in events.items():
        name = rule.partition(".")[0]
        if name not in {each.name for each in OF_ARCHIVE}:  # a part of a fault of data, recorded when it occurs
            continue
        fault = RehearsedFault[name]
        times = [datetime.fromisoformat(event["at"]) for event in met]
        injection = record.inject(fault, *{_task_id_in(event["path"]) for event in met} - {""}, begun=times[0])
        injection.ended = min(times[0] + timedelta(seconds=OF_ARCHIVE[fault][1]), times[-1])


def complete(record: RehearsalRecord, evidence: Evidence) -> None:
    """Add to each injection, from the histories, the observations that it affected, and when they continued."""
    for injection in record.injections:
        if not injection.task_ids:
            injection.task_ids = [
                task_id for task_id in record.submitted if _was_under_way(evidence, task_id, injection)
            ]
        if injection.seconds is None:
            waits = [_seconds_until_progress(evidence, task_id, injection) for task_id in injection.task_ids]
            injection.seconds = max((seconds for seconds in waits if seconds is not None), default=None)


def table(record: RehearsalRecord, findings: Sequence[Finding], scripted: Counter[RehearsedFault]) -> str:
    """Format a table with a row per fault, and one for all.

    `scripted`: how often each fault should occur. Those that had no effect are faults of the rehearsal.
    """
    kinds = list(Violation)
    rows = [["fault", "times", "without effect", *kinds, "s to recover (median)", "(maximum)"]]
    times, without_effect = record.times(), missing(record, scripted)
    for fault in RehearsedFault:
        if fault not in scripted and not times[fault]:
            continue
        of_this = [injection for injection in record.injections if injection.fault is fault]
        affected = {task_id for injection in of_this for task_id in injection.task_ids}
        amounts = _amounts(finding for finding in findings if finding.task_id in affected)
        seconds = [injection.seconds for injection in of_this if injection.seconds is not None]
        counts = (times[fault], without_effect[fault], *(amounts[kind] for kind in kinds))
        rows.append([fault, *map(str, counts), *_shown(seconds)])
    amounts = _amounts(findings)
    every = [injection.seconds for injection in record.injections if injection.seconds is not None]
    counts = (times.total(), without_effect.total(), *(amounts[kind] for kind in kinds))
    rows.append(["all", *map(str, counts), *_shown(every)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def missing(record: RehearsalRecord, scripted: Counter[RehearsedFault]) -> Counter[RehearsedFault]:
    """Count the faults of the script that never took effect.

    A fault of the telescope, an action of an operator or a kill needs to occur only once: the observation may have
    been cancelled, or the telescope's order repeated, by another fault. A fault of data has to occur each time.
    """
    times = record.times()
    wanted = {fault: number if fault in OF_DATA else 1 for fault, number in scripted.items()}
    return Counter({fault: max(0, number - times[fault]) for fault, number in wanted.items()})


def _amounts(findings: Iterable[Finding]) -> Counter[Violation]:
    amounts: Counter[Violation] = Counter()
    seen = set()
    for finding in findings:
        if finding.wrong is Violation.BYTES:
            amounts[finding.wrong] += finding.amount
        elif finding.wrong in {Violation.LOST, Violation.STATUS}:
            amounts[finding.wrong] += (finding.wrong, finding.task_id) not in seen
            seen.add((finding.wrong, finding.task_id))
        else:
            amounts[finding.wrong] += 1
    return amounts


def _shown(seconds: Sequence[float]) -> tuple[str, str]:
    return (f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}") if seconds else ("-", "-")


def _task_id_in(path: str) -> str:
    return next((part for part in reversed(Path(path).parts) if part.isdecimal()), "")


def _was_under_way(evidence: Evidence, task_id: str, injection: Injection) -> bool:
    history: list[Row] = evidence.histories.get((task_id, None), [])
    return bool(history) and history[0]["at"] < injection.ended and history[-1]["at"] > injection.begun


def _seconds_until_progress(evidence: Evidence, task_id: str, injection: Injection) -> float | None:
    for row in evidence.histories.get((task_id, None), []):
        if row["at"] > injection.ended and row["status"] not in _STANDSTILL:
            return float((row["at"] - injection.ended).total_seconds())
    return None
