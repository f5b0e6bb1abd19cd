"""The judge of a walk: no byte is lost, and each receipt is true. It uses none of the code that is judged.

It looks at ATDB's tables, at all disks and at the archive, after each step and around each act of a person. What a
person destroys is excused; what ATDB destroys never is, unless the archive holds the same bytes.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from tests.property.contents import Content, checksum, content, hidden_in_archive, on_disk
from tests.property.scene import Disk, Scene

#: In these statuses, ATDB states that validate has read the data.
_PASSED = {"valid", "ingesting", "ingest error", "archived"}
_IN_ARCHIVE = {"archived", "removed"}
#: For each status of an observation that states something about its data: the statuses that its products can have.
_STATED = {
    "valid": {"valid", "invalid", "ingesting", "ingest error", "archived", "removed"},
    "completed": {"valid", "invalid", "ingesting", "ingest error", "archived", "removed"},
    "archived": {"archived", "removed", "invalid"},
    "removed": {"removed", "invalid"},
}
_PRODUCTS = """
    SELECT task_id, filename, status, checksum, disk, data_location, archive_location, announced_checksum,
        removal_forced_by FROM dataproducts WHERE task_id = ANY(%s)
"""
_RECEIPTS = "SELECT id, task_id, dataproduct, checksum, forced FROM receipts WHERE task_id = ANY(%s) ORDER BY id"
_OBSERVATIONS = "SELECT task_id, status FROM observations WHERE task_id = ANY(%s)"
_SWITCH = "SELECT stopped_by FROM deletion"

Row = dict[str, Any]
Key = tuple[str, str]
Item = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """What must not happen. `rule`: which promise is broken."""

    rule: str
    task_id: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.task_id}: {self.sentence}"


@dataclass
class _Look:
    """What one look has found of a product.

    `checksums`: of all that is on the disks, or hidden in the archive. `kept`: the same without the parts that an
    ingest writes: they are no promise yet if a person then deletes the data. `elsewhere`: what is at the places of
    the product before its data location was edited.
    """

    disks: dict[Disk, set[Item]]
    checksums: set[str]
    kept: set[str]
    archive: Content
    archived: str | None
    elsewhere: set[Item]


@dataclass
class _Track:
    """What the judge knows about a product.

    - `known`: the checksums of all contents that a person or the telescope has written.
    - `owed`: the checksums that were valid and that no person has destroyed.
    - `gone`: for each disk without data, whether ATDB has deleted them.
    - `spoilt`: a person has changed the archive's copy, and ATDB has not replaced it yet.
    """

    last: _Look
    status: str = "defined"
    known: set[str] = field(default_factory=set)
    valid: set[str] = field(default_factory=set)
    owed: set[str] = field(default_factory=set)
    gone: dict[Disk, bool] = field(default_factory=dict)
    spoilt: bool = False
    touched: bool = False
    receipts: dict[int, bool] = field(default_factory=dict)


class Judge:
    """Judge the observations of a walk. `database`: libpq's string of ATDB's database."""

    def __init__(self, database: str, scene: Scene) -> None:
        self._database = psycopg2.connect(database)
        self._database.autocommit = True
        self._scene = scene
        self._tracks: dict[Key, _Track] = {}
        self._tasks: list[str] = []
        self._locations: dict[Key, set[str]] = {}
        self._outside = content(scene.outside, "outside")
        self._was_off = False

    def close(self) -> None:
        self._database.close()

    def begin(self, task_id: str) -> None:
        self._tasks.append(task_id)

    def forget(self, task_id: str) -> None:
        self._tasks.remove(task_id)
        self._tracks = {key: track for key, track in self._tracks.items() if key[0] != task_id}

    def excuse(self) -> None:
        """Look again after a person has done something: what has changed since the last look is excused."""
        for key, row in self._products().items():
            now = self._look(row)
            track = self._tracks.setdefault(key, _Track(now))
            before, track.last, track.touched = track.last, now, True
            for disk in self._disks_of(row):
                self._remember(track, row, disk, before, now, by_atdb=False)
            track.known |= now.checksums
            track.owed &= now.kept | _only(now.archived)
            if before.archive != now.archive:
                track.spoilt = now.archived != row["checksum"]
                track.receipts = dict.fromkeys(track.receipts, True)

    def begin_step(self) -> None:
        """Begin a step: what a person did to the archive before it excuses only what was archived by then."""
        self._was_off = self._is_off()
        for track in self._tracks.values():
            track.touched = False
            track.spoilt = track.spoilt and track.status in _IN_ARCHIVE

    def judge(self) -> list[Finding]:
        """Return what ATDB did wrong since the last look."""
        return list(self._findings())

    def _findings(self) -> Iterator[Finding]:
        products = self._products()
        receipts: dict[Key, list[Row]] = {}
        for receipt in self._rows(_RECEIPTS):
            receipts.setdefault((receipt["task_id"], receipt["dataproduct"]), []).append(receipt)
        for key, row in products.items():
            now = self._look(row)
            track = self._tracks.setdefault(key, _Track(now))
            yield from self._product(track, row, now)
            yield from self._receipts(track, row, now, receipts.get(key, []))
            track.last, track.status = now, row["status"]
        for key in self._tracks.keys() - products.keys():
            if any(self._tracks[key].last.disks.values()) and self._tracks[key].valid:
                yield Finding("bytes", key[0], f"ATDB has forgotten {key[1]}, which was valid")
            del self._tracks[key]
        yield from self._statements(products)
        yield from self._places(products)
        if content(self._scene.outside, "outside") != self._outside:
            yield Finding("outside", "", "files outside the data and the archive have changed")

    def _product(self, track: _Track, row: Row, now: _Look) -> Iterator[Finding]:
        task_id, name, status = row["task_id"], row["filename"], row["status"]
        is_forced = row["removal_forced_by"] is not None
        for disk in self._disks_of(row):
            before = track.last.disks.get(disk, set())
            vanished = before - now.disks.get(disk, set()) - now.elsewhere
            if lost := [] if is_forced else sorted(vanished - set(now.archive.items())):
                yield Finding(
                    "bytes", task_id, f"{name}/{lost[0][0]} was deleted, but the archive does not hold these bytes"
                )
            if vanished and self._was_off and self._is_off():
                yield Finding("deletion", task_id, f"{name} was deleted while deletion is switched off")
            self._remember(track, row, disk, track.last, now, by_atdb=True)
        if status in _PASSED and row["checksum"] in track.known and row["checksum"] not in track.valid:
            track.valid.add(row["checksum"])
        if status in _PASSED and row["checksum"] in now.checksums:
            track.owed.add(row["checksum"])
        if now.archived == row["checksum"] and now.archived in track.valid:
            track.owed &= {now.archived, *now.checksums}
            track.spoilt = False
        if is_forced:
            track.owed.clear()
        if missing := track.owed - now.checksums - _only(now.archived):
            yield Finding("bytes", task_id, f"{name} was valid with {min(missing)[:12]}, which is nowhere now")
            track.owed -= missing
        is_unknown = row["checksum"] not in {None, row["announced_checksum"], *track.known}
        if status in _PASSED | {"removed"} and is_unknown:
            yield Finding("facts", task_id, f"{name} is {status} with the checksum of no data that it ever had")
        if status in _IN_ARCHIVE and not track.spoilt and now.archived != row["checksum"] and not is_forced:
            yield Finding("statement", task_id, f"{name} is {status}, but the archive does not hold it")

    def _receipts(self, track: _Track, row: Row, now: _Look, receipts: list[Row]) -> Iterator[Finding]:
        task_id, name = row["task_id"], row["filename"]
        if row["status"] == "removed" and not receipts:
            yield Finding("receipt", task_id, f"{name} is removed without a receipt")
        for receipt in receipts:
            if receipt["id"] not in track.receipts:
                track.receipts[receipt["id"]] = False
                if not receipt["forced"]:
                    yield from self._new_receipt(track, row, now)
            is_excused = track.receipts[receipt["id"]] or receipt["forced"] or row["status"] != "removed"
            if not is_excused and receipt["checksum"] != now.archived:
                yield Finding("receipt", task_id, f"the receipt of {name} does not match the archive")

    def _new_receipt(self, track: _Track, row: Row, now: _Look) -> Iterator[Finding]:
        if track.touched:
            return
        for disk in self._disks_of(row):
            if row["disk"] is not None and _identity(disk.path) != row["disk"]:
                continue
            if now.disks.get(disk):
                yield Finding("receipt", row["task_id"], f"{row['filename']} is removed, but on its disk")
            elif track.gone.get(disk) is False:
                yield Finding(
                    "receipt", row["task_id"], f"{row['filename']} has a receipt, but a person deleted the data"
                )

    def _statements(self, products: dict[Key, Row]) -> Iterator[Finding]:
        of_task: dict[str, list[str]] = {}
        for (task_id, _), row in products.items():
            of_task.setdefault(task_id, []).append(row["status"])
        for observation in self._rows(_OBSERVATIONS):
            task_id, status = observation["task_id"], observation["status"]
            stated, has = _STATED.get(status), of_task.get(task_id, [])
            if stated and (not has or set(has) - stated or set(has) == {"invalid"}):
                yield Finding("statement", task_id, f"it is {status}, but its products are {sorted(has)}")

    def _places(self, products: dict[Key, Row]) -> Iterator[Finding]:
        """Yield products whose places on the disks or in the archive are not apart, or not inside the roots."""
        taken: dict[Path, Key] = {}
        for kind, column in (("data", "data_location"), ("archive", "archive_location")):
            for key, row in products.items():
                if kind == "data" and row["status"] == "removed":
                    continue
                place = _place(row) if kind == "data" else Path("/archive", row[column] or f"none of {key}")
                if ".." in place.parts or (kind == "archive" and place.parts[-2:] != key):
                    yield Finding("place", key[0], f"{key[1]} has the place {place}")
                if place in taken:
                    yield Finding("place", key[0], f"{key[1]} has the same place as {taken[place][1]}")
                taken[place] = key
        for place, key in taken.items():
            for above in place.parents:
                if above in taken:
                    yield Finding("place", key[0], f"{key[1]} is inside {taken[above][1]} of {taken[above][0]}")

    def _remember(self, track: _Track, row: Row, disk: Disk, before: _Look, now: _Look, *, by_atdb: bool) -> None:
        """Remember who has deleted the data on a disk. A removal that has begun counts as the one that did."""
        if now.disks.get(disk):
            track.gone.pop(disk, None)
        elif before.disks.get(disk) and disk not in track.gone:
            tombstone = disk.path / _below(row) / f".{row['filename']}.atdb-removed"
            track.gone[disk] = by_atdb or tombstone.exists()

    def _look(self, row: Row) -> _Look:
        name = row["filename"]
        disks, checksums = {}, set()
        for disk in self._disks_of(row):
            found = list(on_disk(disk.path / _below(row), name))
            disks[disk] = {item for each in found for item in each.items()}
            checksums |= {checksum(each, name) for each in found}
        elsewhere: set[Item] = set()
        locations = self._locations.setdefault((row["task_id"], name), {row["data_location"]})
        locations.add(row["data_location"])
        for location in locations - {row["data_location"]}:
            former = row | {"data_location": location}
            for disk in self._disks_of(former):
                for each in on_disk(disk.path / _below(former), name):
                    elsewhere |= set(each.items())
                    checksums.add(checksum(each, name))
        place = self._scene.archive / (row["archive_location"] or "none")
        archive = content(place, name)
        kept = {each for each in checksums if each}
        kept |= _checksums(hidden_in_archive(place.parent, name, "replaced"), name)
        parts = _checksums(hidden_in_archive(place.parent, name, "part"), name)
        return _Look(disks, kept | parts, kept, archive, checksum(archive, name), elsewhere)

    def _disks_of(self, row: Row) -> list[Disk]:
        return list(self._scene.disks_of(row["data_location"].partition(":")[0]))

    def _is_off(self) -> bool:
        return any(row["stopped_by"] is not None for row in self._rows(_SWITCH))

    def _products(self) -> dict[Key, Row]:
        return {(row["task_id"], row["filename"]): row for row in self._rows(_PRODUCTS)}

    def _rows(self, sql: str) -> list[Row]:
        with self._database.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(sql, [self._tasks] if "%s" in sql else None)
            return list(cursor.fetchall())


def _checksums(contents: Iterable[Content], name: str) -> set[str]:
    return {each for each in (checksum(content, name) for content in contents) if each}


def _only(each: str | None) -> set[str]:
    return {each} if each else set()


def _below(row: Row) -> Path:
    """Return the folder of a product below the top of its disk."""
    return Path(row["data_location"].partition(":")[2].lstrip("/"))


def _place(row: Row) -> Path:
    return Path("/disks", row["data_location"].partition(":")[0], _below(row), row["filename"])


def _identity(top: Path) -> str | None:
    with suppress(OSError):
        return (top / ".atdb-disk").read_text().strip()
    return None
