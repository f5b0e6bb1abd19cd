"""The evidence of a rehearsal: ATDB's tables, the disks, the archive, and the records of the simulator.

It uses none of the code that is checked, only SQL, files, and the checksums of the system's own `sha256sum`.
"""

import hashlib
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

Row = dict[str, Any]

#: What programs write into a MeasurementSet that they only read: see docs/archive.md.
_NO_DATA = "table.lock"


@dataclass(frozen=True)
class Scene:
    """Where the evidence is.

    `database`: libpq's string for ATDB. `telescope`: the simulator's state folder. `record`: the folder in which
    the rehearsal has recorded what it did to the data, and what it saw.
    """

    database: str
    data: Path
    archive: Path
    telescope: Path
    record: Path | None = None


class Evidence:
    """All evidence; each part is read at its first use."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @cached_property
    def observations(self) -> dict[str, Row]:
        """ATDB's observations by taskID."""
        return {row["task_id"]: row for row in self._rows("SELECT * FROM observations")}

    @cached_property
    def products(self) -> dict[tuple[str, str], Row]:
        """ATDB's data products by taskID and file name."""
        rows = self._rows("SELECT * FROM dataproducts")
        return {(row["task_id"], row["filename"]): row for row in rows if row["task_id"] in self.observations}

    @cached_property
    def histories(self) -> dict[tuple[str, str | None], list[Row]]:
        """The transitions of each observation and product, in the order in which they were written."""
        histories = defaultdict(list)
        for row in self._rows("SELECT * FROM transitions ORDER BY id"):
            histories[row["task_id"], row["dataproduct"]].append(row)
        return histories

    @cached_property
    def product_steps(self) -> dict[str, list[Row]]:
        """The transitions of all products of an observation, in the order in which they were written."""
        steps: dict[str, list[Row]] = defaultdict(list)
        for (task_id, filename), history in self.histories.items():
            if filename is not None:
                steps[task_id] += history
        return {task_id: sorted(rows, key=lambda row: int(row["id"])) for task_id, rows in steps.items()}

    @cached_property
    def receipts(self) -> dict[tuple[str, str], list[Row]]:
        """The receipts of the removals of each product."""
        receipts = defaultdict(list)
        for row in self._rows("SELECT * FROM receipts ORDER BY id"):
            receipts[row["task_id"], row["dataproduct"]].append(row)
        return receipts

    @cached_property
    def leases(self) -> dict[str, datetime]:
        """When the lease of each observation expires."""
        sql = "SELECT task_id, expires_at FROM leases JOIN observations ON observations.id = observation_id"
        return {row["task_id"]: row["expires_at"] for row in self._rows(sql)}

    @cached_property
    def logbook(self) -> dict[str, Row]:
        """The simulator's record of each task: what it wrote, and which products it then damaged.

        If a person has changed data that ATDB has to take over, these count as written.
        """
        tasks = {}
        for path in self.scene.telescope.glob("[0-9]*.json"):
            task = json.loads(path.read_text())
            for product in task["products"]:
                for act in self.acts:
                    if (act["taskID"], act["filename"]) == (task["taskID"], product["filename"]) and act["files"]:
                        sums = {file["path"]: file["sha256"] for file in act["files"]}
                        size = sum(file["size"] for file in act["files"])
                        product |= {"files": act["files"], "checksum": checksum(sums), "size": size}
            tasks[task["taskID"]] = task
        return tasks

    @cached_property
    def journal(self) -> list[Row]:
        """The events of the simulator, oldest first."""
        return _lines(self.scene.telescope / "journal.jsonl")

    @cached_property
    def acts(self) -> list[Row]:
        """What the rehearsal has done to data, disks and copies while the pipeline worked, oldest first."""
        return self._recorded("acts.jsonl")

    def troubles(self, task_id: str) -> list[Row]:
        """Return the problems that attempts on an observation have reported, oldest first."""
        return [row for row in self._recorded("troubles.jsonl") if row["taskID"] == task_id]

    @cached_property
    def hostile(self) -> dict[str, str]:
        """The roles of the hostile accounts, by name."""
        return {row["name"]: row["role"] for row in self._recorded("hostile.jsonl") if row["event"] == "account"}

    @cached_property
    def internal_errors(self) -> list[Row]:
        """The requests of hostile accounts that ATDB answered with an internal error."""
        return [row for row in self._recorded("hostile.jsonl") if row["event"] == "internal error"]

    @cached_property
    def hostile_observations(self) -> set[str]:
        """The observations that hostile accounts have created."""
        firsts = {key[0]: rows[0] for key, rows in self.histories.items() if key[1] is None}
        return {task_id for task_id, row in firsts.items() if row["actor"] in self.hostile}

    @cached_property
    def changes(self) -> list[Row]:
        """All changes except those of status, oldest first."""
        return list(self._rows("SELECT * FROM changes ORDER BY id"))

    def steps(self, task_id: str) -> list[Row]:
        """Return the transitions of an observation and its products, in the order in which they were written."""
        own = self.histories.get((task_id, None), [])
        return sorted([*own, *self.product_steps.get(task_id, [])], key=lambda row: int(row["id"]))

    @cached_property
    def leftovers(self) -> list[Path]:
        """The partial files in the archive, and the copies that were replaced."""
        return sorted([*self.scene.archive.rglob("*.part"), *self.scene.archive.rglob("*.replaced")])

    def on_disk(self, task_id: str, filename: str) -> Path:
        """Return where the telescope wrote a product."""
        host, _, folder = str(self.logbook[task_id]["data_location"]).partition(":")
        return self.scene.data.joinpath(host, folder.lstrip("/"), filename)

    def in_archive(self, task_id: str, filename: str) -> Path:
        """Return the path of a product in the archive.

        If ATDB has assigned none, return a path that does not exist.
        """
        product = self.products.get((task_id, filename), {})
        return self.scene.archive / str(product.get("archive_location") or f"not assigned/{task_id}/{filename}")

    def archive_folders(self, task_id: str) -> set[Path]:
        """Return the folders of an observation in the archive: one, or none if it has no products."""
        return {self.in_archive(*key).parent for key in self.products if key[0] == task_id}

    def manifest(self, task_id: str) -> dict[str, str]:
        """Return the checksum of each product in an observation's manifest in the archive."""
        manifests = [path / "manifest.json" for path in self.archive_folders(task_id)]
        return {
            each["filename"]: each["checksum"]
            for path in manifests
            if path.exists()
            for each in json.loads(path.read_text())["products"]
        }

    def files(self, product: Path) -> dict[str, str]:
        """Return the SHA-256 of each file by its path in the product; "" if the product is one file."""
        sums = self.archive_sums if product.is_relative_to(self.scene.archive) else self._data_sums
        if product in sums:
            return {"": sums[product]}
        return self._by_product(product, sums)

    @cached_property
    def archive_sums(self) -> dict[Path, str]:
        """The SHA-256 of each file in the archive."""
        return sha256sums(self.scene.archive)

    @cached_property
    def _data_sums(self) -> dict[Path, str]:
        return sha256sums(self.scene.data)

    def _by_product(self, product: Path, sums: dict[Path, str]) -> dict[str, str]:
        files = (path for path in product.rglob("*") if path.is_file() and not path.is_symlink())
        if product.suffix == ".MS":
            files = (path for path in files if path.name != _NO_DATA)
        return {str(path.relative_to(product)): sums[path] for path in files if path in sums}

    def _recorded(self, name: str) -> list[Row]:
        return _lines(self.scene.record / name) if self.scene.record else []

    def _rows(self, sql: str) -> Iterable[Row]:
        with (
            closing(psycopg2.connect(self.scene.database)) as opened,
            opened.cursor(cursor_factory=RealDictCursor) as cursor,
        ):
            cursor.execute(sql)
            return [dict(row) for row in cursor]


def _lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def sha256sums(folder: Path) -> dict[Path, str]:
    """Return the SHA-256 of all files below a folder, with `find` and `sha256sum`, without following links."""
    if not folder.exists():
        return {}
    find = subprocess.run(["find", folder, "-type", "f", "-print0"], capture_output=True, check=True)  # noqa: S607
    sums = subprocess.run(
        ["xargs", "-0", "-r", "sha256sum", "-z"],  # noqa: S607
        input=find.stdout,
        capture_output=True,
        check=True,
    )
    lines = (line.partition(b"  ") for line in sums.stdout.split(b"\0") if line)
    return {Path(os.fsdecode(path)): sha256.decode() for sha256, _, path in lines}


def checksum(files: dict[str, str]) -> str:
    """Return the checksum of a product from the SHA-256 of its files, as docs/archive.md explains."""
    if set(files) == {""}:
        return files[""]
    listing = b"".join(
        os.fsencode(f"{sha256}  ./{path}\n")
        for path, sha256 in sorted(files.items(), key=lambda item: os.fsencode(item[0]))
    )
    return hashlib.sha256(listing).hexdigest()


def checksum_of(product: Path) -> str:
    """Read a product and return its checksum, or "" if it does not exist."""
    sums = sha256sums(product)
    if product in sums:
        return sums[product]
    return checksum({str(path.relative_to(product)): sha256 for path, sha256 in sums.items()}) if sums else ""
