"""Check what the faults of data and the hostile accounts have led to, without any of the code that is checked."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from standalone.rehearsal import reference_lifecycle
from standalone.rehearsal.evidence import Evidence, sha256sums
from standalone.rehearsal.findings import Finding, Violation

#: A deletion that has begun when an operator switches deletion off ends within this time.
_ENDS_WITHIN = timedelta(seconds=5)
#: What must not change when a link leads there.
_OUTSIDE = {"file": b"outside", "folder/file": b"also outside"}

#: When deletion was switched off, and when it was switched on again.
Off = tuple[datetime, datetime]


def judge_data(evidence: Evidence, off: Sequence[Off] = ()) -> list[Finding]:
    """Check the refusals, the deletion switch, the hostile accounts, and all places outside of ATDB's."""
    return [
        *_refusals(evidence),
        *_deletions(evidence, off),
        *_hostile(evidence),
        *_places(evidence),
        *_outside(evidence),
    ]


def _refusals(evidence: Evidence) -> Iterator[Finding]:
    """Yield faults that ATDB must refuse to continue with, and has not refused."""
    for act in evidence.acts:
        task_id, at = act["taskID"], datetime.fromisoformat(act["at"])
        reasons = [
            *(row["reason"] for row in evidence.steps(task_id) if row["at"] >= at),
            *(each["reason"] for each in evidence.troubles(task_id) if datetime.fromisoformat(each["at"]) >= at),
        ]
        codes = {reason.partition(":")[0].partition("(")[0] for reason in reasons}
        if act["refusals"] and not codes & set(act["refusals"]):
            sentence = f"{act['event']} of {act['filename']} was not refused with {' or '.join(act['refusals'])}"
            yield Finding(Violation.REFUSAL, task_id, sentence)
        if act["event"] == "LOCK_GROWING" and any("DataDiffers" in reason for reason in reasons):
            yield Finding(Violation.OTHER, task_id, f"table.lock of {act['filename']} counted as data")


def _deletions(evidence: Evidence, off: Sequence[Off]) -> Iterator[Finding]:
    """Yield removals that began, and products that were deleted, while deletion was switched off."""
    for begin, end in off:
        for (task_id, filename), receipts in evidence.receipts.items():
            if any(begin + _ENDS_WITHIN < receipt["at"] < end for receipt in receipts):
                yield Finding(Violation.SWITCH, task_id, f"{filename} was removed while deletion was switched off")
        for task_id in evidence.observations:
            for row in evidence.histories.get((task_id, None), []):
                if row["status"] == reference_lifecycle.BEGINS["remove"] and begin < row["at"] < end:
                    yield Finding(Violation.SWITCH, task_id, "its removal began while deletion was switched off")


def _hostile(evidence: Evidence) -> Iterator[Finding]:
    """Yield what hostile accounts have changed and may not change. Their own observations are theirs."""
    roles = evidence.hostile
    for task_id in evidence.observations.keys() - evidence.hostile_observations:
        for row in evidence.steps(task_id):
            if row["actor"] in roles:
                what = row["dataproduct"] or "the observation"
                sentence = f"{row['actor']} has moved {what} from {row['previous']} to {row['status']}"
                yield Finding(Violation.HOSTILE, task_id, sentence)
    for change in evidence.changes:
        if change["actor"] not in roles or change["task_id"] in evidence.hostile_observations:
            continue
        sentence = f"{change['actor']} has {change['action']} {sorted(change['fields'])}"
        yield Finding(Violation.HOSTILE, change["task_id"] or "", sentence)
    for receipts in evidence.receipts.values():
        for receipt in receipts:
            if receipt["actor"] in roles:
                yield Finding(Violation.HOSTILE, receipt["task_id"], f"{receipt['actor']} has a receipt")
    for event in evidence.internal_errors:
        yield Finding(Violation.OTHER, event["taskID"], f"an internal error: {event['request']}")


def _places(evidence: Evidence) -> Iterator[Finding]:
    """Yield products whose data, or whose copies, would be at the same place as others or inside them."""
    for column in ("data", "archive"):
        taken: dict[Path, tuple[str, str]] = {}
        for key, row in evidence.products.items():
            if column == "archive" and row["archive_location"]:
                taken.setdefault(Path("/", row["archive_location"]), key)
            elif column == "data" and row["status"] != "removed":
                place = Path("/", row["data_location"].replace(":", "", 1), row["filename"])
                if taken.setdefault(place, key) != key:
                    yield Finding(Violation.OTHER, key[0], f"{key[1]} has the place of {taken[place][1]}")
        for place, (task_id, filename) in taken.items():
            for above in place.parents:
                if above in taken:
                    yield Finding(Violation.OTHER, task_id, f"{filename} is inside {taken[above][1]}")


def _outside(evidence: Evidence) -> Iterator[Finding]:
    """Yield what was archived, changed or written outside the data directories, and what removals have left."""
    folder = evidence.scene.record
    if folder is None:
        return
    outside = folder / "outside"
    now = {name: (outside / name).read_bytes() if (outside / name).exists() else None for name in _OUTSIDE}
    if outside.exists() and now != _OUTSIDE:
        yield Finding(Violation.OTHER, "", "files outside the data have changed")
    sums = set(sha256sums(outside).values())
    for path, sha256 in evidence.archive_sums.items():
        if sha256 in sums:
            yield Finding(Violation.OTHER, path.parent.name, f"{path} is a file from outside the data")
    for path in sorted((folder / "unmounted").glob("written to *")):
        yield Finding(Violation.OTHER, "", f"{path} was written while the disk was not mounted")
    for path in sorted(evidence.scene.data.rglob(".*.removing")):
        yield Finding(Violation.OTHER, "", f"{path} was left by a removal")
