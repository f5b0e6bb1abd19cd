"""Check the result of a rehearsal, without any of the code that is checked."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from standalone.rehearsal import reference_lifecycle
from standalone.rehearsal.evidence import Evidence, Row, checksum
from standalone.rehearsal.findings import Finding, Violation

#: In these statuses, a product has passed validation.
_PASSED = {"valid", "ingesting", "ingest error", "archived", "removed"}
_IN_ARCHIVE = {"archived", "removed"}
#: From these statuses, an observation is ingested again if an operator says so, or if the run was lost.
_AGAIN = {"archived", "remove error", "ingest error", "on hold"}
#: An operator who requests a second ingest moves the observation to one of these.
_INGEST_REQUESTED = {"valid", "completing"}


#: A stage that was paused, and the begin and end of the pause.
Pause = tuple[str, datetime, datetime]


def judge(
    evidence: Evidence, expected: Mapping[str, Collection[str]], pauses: Sequence[Pause] = ()
) -> list[Finding]:
    """Check all submitted observations. `expected`: for each taskID, the statuses in which it may end."""
    checker = _Checker(evidence, expected, pauses)
    return [finding for check in checker.checks() for finding in check()]


class _Checker:
    def __init__(
        self, evidence: Evidence, expected: Mapping[str, Collection[str]], pauses: Sequence[Pause]
    ) -> None:
        self._evidence, self._expected, self._pauses = evidence, expected, pauses
        self._now = datetime.now(UTC)

    def checks(self) -> list[Callable[[], Iterator[Finding]]]:
        return [
            self._tasks,
            self._histories,
            self._products,
            self._deletions,
            self._receipts,
            self._manifests,
            self._ingests,
            self._starts,
            self._leftovers,
            self._paused,
        ]

    def _tasks(self) -> Iterator[Finding]:
        """Yield observations that are lost, in a wrong status, or were never submitted."""
        observations = self._evidence.observations
        for task_id, ends in self._expected.items():
            if task_id not in observations:
                yield Finding(Violation.LOST, task_id, "it was submitted, but ATDB does not have it")
                continue
            status = observations[task_id]["status"]
            if status not in ends:
                yield Finding(Violation.STATUS, task_id, f"it is {status}, not {' or '.join(sorted(ends))}")
            if (
                status in reference_lifecycle.WORKING
                and self._evidence.leases.get(task_id, self._now) <= self._now
            ):
                yield Finding(Violation.STATUS, task_id, f"it is {status}, but no run holds its lease")
        for task_id in sorted(observations.keys() - self._expected.keys() - self._evidence.hostile_observations):
            yield Finding(Violation.OTHER, task_id, "it was never submitted")

    def _histories(self) -> Iterator[Finding]:
        """Yield histories that are not a chain of allowed steps to the present status."""
        owners: list[tuple[str, str | None, str]] = [
            (task_id, None, row["status"]) for task_id, row in self._evidence.observations.items()
        ]
        owners += [(task_id, name, row["status"]) for (task_id, name), row in self._evidence.products.items()]
        for task_id, product, status in owners:
            history = self._evidence.histories.get((task_id, product), [])
            for sentence in _faults_of(history, status, is_product=product is not None):
                yield Finding(
                    Violation.OTHER, task_id, f"the history of {product or 'the observation'}: {sentence}"
                )

    def _products(self) -> Iterator[Finding]:
        """Yield products that are not complete on the disk, in the archive, or both, as their status requires."""
        for task_id, task in self._evidence.logbook.items():
            if task_id not in self._evidence.observations:
                continue
            for written in task["products"]:
                yield from self._product(task_id, task, written)

    def _product(self, task_id: str, task: Row, written: Row) -> Iterator[Finding]:
        filename = written["filename"]
        product = self._evidence.products.get((task_id, filename))
        if product is None:
            yield Finding(Violation.BYTES, task_id, f"ATDB does not have {filename}", written["size"])
            return
        status = product["status"]
        if filename in task["damaged"] and status not in _PASSED:
            return
        if status in _PASSED and product["checksum"] != written["checksum"]:
            sentence = f"ATDB's checksum of {filename} is not that of the observed data"
            yield Finding(Violation.BYTES, task_id, sentence, written["size"])
        places = [self._evidence.in_archive(task_id, filename)] if status in _IN_ARCHIVE else []
        if status != "removed" and task["state"] == "finished":
            places.append(self._evidence.on_disk(task_id, filename))
        for place in places:
            if problem := self._difference(place, written):
                yield Finding(Violation.BYTES, task_id, f"{place} is {status} and {problem}", written["size"])

    def _difference(self, place: Path, written: Row) -> str:
        checksums = self._evidence.files(place)
        if checksums == {file["path"]: file["sha256"] for file in written["files"]}:
            return "" if checksum(checksums) == written["checksum"] else "has another checksum"
        return "differs from the observed data" if checksums else "does not exist"

    def _deletions(self) -> Iterator[Finding]:
        """Yield products that were deleted from the disk without a right copy in the archive and a receipt."""
        for task_id, task in self._evidence.logbook.items():
            if task_id not in self._evidence.observations or task["state"] != "finished":
                continue
            for written in task["products"]:
                yield from self._deletion(task_id, task, written)

    def _deletion(self, task_id: str, task: Row, written: Row) -> Iterator[Finding]:
        filename = written["filename"]
        status = self._evidence.products.get((task_id, filename), {}).get("status")
        place = self._evidence.on_disk(task_id, filename)
        if place.exists() or place.is_symlink():
            if status == "removed":
                yield Finding(Violation.OTHER, task_id, f"{filename} is removed, but still on the disk")
            return
        if filename in task["damaged"] and status not in _PASSED:
            return
        if self._difference(self._evidence.in_archive(task_id, filename), written):
            yield Finding(
                Violation.DELETION, task_id, f"{filename} was deleted, but its copy in the archive is wrong"
            )
        if not self._evidence.receipts.get((task_id, filename)):
            yield Finding(Violation.DELETION, task_id, f"{filename} was deleted without a receipt")

    def _receipts(self) -> Iterator[Finding]:
        """Yield removed products without exactly one receipt, and receipts that do not match the archive."""
        for (task_id, filename), product in self._evidence.products.items():
            receipts = self._evidence.receipts.get((task_id, filename), [])
            if product["status"] != "removed":
                if receipts:
                    yield Finding(
                        Violation.DELETION, task_id, f"{filename} is {product['status']}, but has a receipt"
                    )
                continue
            if len(receipts) != 1:
                yield Finding(
                    Violation.DELETION, task_id, f"{filename} is removed, but has {len(receipts)} receipts"
                )
            held = checksum(self._evidence.files(self._evidence.in_archive(task_id, filename)))
            if any(receipt["checksum"] != held for receipt in receipts):
                yield Finding(Violation.DELETION, task_id, f"the receipt of {filename} does not match the archive")

    def _manifests(self) -> Iterator[Finding]:
        """Yield products whose checksum in the archive's manifest is wrong."""
        for task_id in self._evidence.observations:
            listed = self._evidence.manifest(task_id)
            for filename, product in self._products_of(task_id):
                if product["status"] in _IN_ARCHIVE and listed.get(filename) != product["checksum"]:
                    yield Finding(
                        Violation.OTHER, task_id, f"the manifest has {listed.get(filename)} for {filename}"
                    )

    def _products_of(self, task_id: str) -> Iterator[tuple[str, Row]]:
        return ((name, row) for (owner, name), row in self._evidence.products.items() if owner == task_id)

    def _ingests(self) -> Iterator[Finding]:
        """Yield products that were ingested twice without a request, or by two owners at the same time."""
        for (task_id, filename), history in self._evidence.histories.items():
            if filename is None:
                continue
            archived = [row for row in history if row["previous"] == "ingesting" and row["status"] == "archived"]
            for first, second in pairwise(archived):
                if not self._was_asked_for(task_id, first, second):
                    yield Finding(Violation.DOUBLE_INGEST, task_id, f"{filename} was ingested twice")
        for task_id in self._evidence.observations:
            yield from self._overlaps(task_id)

    def _was_asked_for(self, task_id: str, first: Row, second: Row) -> bool:
        between = (
            row
            for row in self._evidence.histories[task_id, None]
            if first["id"] < row["id"] < second["id"]
            and row["status"] in _INGEST_REQUESTED
            and row["previous"] in _AGAIN
        )
        return any(row["owner"] is None for row in between)

    def _overlaps(self, task_id: str) -> Iterator[Finding]:
        """Yield an owner that continued after another owner had taken over the work."""
        moves = (
            row
            for row in self._evidence.product_steps.get(task_id, [])
            if row["owner"] and row["status"] in {"ingesting", "archived"}
        )
        seen: list[str] = []
        for row in moves:
            if row["owner"] in seen[:-1]:
                sentence = f"{row['owner']} and {seen[-1]} ingested it at the same time"
                yield Finding(Violation.DOUBLE_INGEST, task_id, sentence)
                return
            if not seen or seen[-1] != row["owner"]:
                seen.append(row["owner"])

    def _starts(self) -> Iterator[Finding]:
        """Yield observations for which the telescope was started twice, or never though they were observed."""
        accepted = Counter(event["taskID"] for event in self._evidence.journal if event["event"] == "accepted")
        for task_id, times in accepted.items():
            if times > 1:
                yield Finding(Violation.OTHER, task_id, f"the telescope was started {times} times")
        for task_id, row in self._evidence.observations.items():
            statuses = {each["status"] for each in self._evidence.histories[task_id, None]}
            if "completing" in statuses and not accepted[task_id]:
                yield Finding(
                    Violation.OTHER, task_id, f"it is {row['status']}, but the telescope was never started"
                )

    def _leftovers(self) -> Iterator[Finding]:
        """Yield partial files that are left in the archive."""
        for path in self._evidence.leftovers:
            yield Finding(Violation.OTHER, path.parent.name, f"{path} was left in the archive")

    def _paused(self) -> Iterator[Finding]:
        """Yield observations that a paused stage took."""
        for task_id in self._evidence.observations:
            for row in self._evidence.histories[task_id, None]:
                for stage, begin, end in self._pauses:
                    if (
                        row["status"] == reference_lifecycle.BEGINS[stage]
                        and row["owner"]
                        and begin < row["at"] < end
                    ):
                        yield Finding(
                            Violation.OTHER, task_id, f"{stage} took it at {row['at']} while it was paused"
                        )


def _faults_of(history: list[Row], status: str, *, is_product: bool) -> Iterator[str]:
    if not history:
        yield "there is none"
        return
    if history[0]["previous"] is not None or history[0]["status"] != "defined":
        yield f"it begins with {history[0]['previous']} > {history[0]['status']}"
    before = [history[0]["status"]]
    for row in history[1:]:
        source, target = row["previous"], row["status"]
        if source != before[-1]:
            yield f"{source} > {target} follows {before[-1]}"
        elif is_product:
            if not reference_lifecycle.is_step_of_product(source, target) and not row["forced"]:
                yield f"{source} > {target} is not allowed"
        elif not reference_lifecycle.is_step(before, target) and not row["forced"]:
            yield f"{source} > {target} is not allowed"
        before.append(target)
    if before[-1] != status:
        yield f"it ends with {before[-1]}, but the status is {status}"
