"""The checker finds each kind of violation: these tests create them by hand after a finished rehearsal."""

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.lifecycle import ProductStatus, Status
from standalone.rehearsal.checker import Pause, judge
from standalone.rehearsal.evidence import Evidence, Scene
from standalone.rehearsal.findings import Finding, Violation
from tests.conftest import Postgres
from tests.specifications import COORDINATES

S, P = Status, ProductStatus
#: The owner of each validation.
VALIDATE = "validate/1"


@dataclass
class Rehearsal:
    """A finished rehearsal on a real database and disk: one observation removed, one incomplete."""

    scene: Scene
    superuser: str
    client: Client
    expected: dict[str, set[str]] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)
    removed: str = ""
    incomplete: str = ""

    def judge(self) -> list[Finding]:
        return judge(Evidence(self.scene), self.expected, self.pauses)

    def sql(self, statement: str, *values: Any) -> None:
        """Execute SQL without the protections of the tables."""
        with closing(psycopg2.connect(self.superuser)) as opened, opened, opened.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement, values)

    def end_lease(self, task_id: str) -> None:
        """Delete the lease on an observation, as if no worker had it."""
        self.sql("DELETE FROM leases USING observations o WHERE o.id = observation_id AND task_id = %s", task_id)

    def file(self, task_id: str, number: int) -> str:
        return f"ARTS{task_id}_{number:03d}.fits"

    def on_disk(self, task_id: str, number: int) -> Path:
        return self.scene.data / "arts001/data" / self.file(task_id, number)

    def in_archive(self, task_id: str, number: int) -> Path:
        return self.scene.archive / "arts_sc1_timing" / task_id / self.file(task_id, number)

    def observe(self, name: str) -> str:
        """Create an observation with two products of the telescope; nothing is validated or archived."""
        new = {
            "field_name": name,
            "observing_mode": "arts_sc1_timing",
            **COORDINATES,
            "starttime": "2026-04-05T06:00:00Z",
            "duration": 300,
            "data_location": "arts001:/data",
        }
        task_id = self.client.create_observation(new).taskID
        names = [self.file(task_id, number) for number in range(2)]
        self.client.create_dataproducts([NewDataProduct(taskID=task_id, filename=name) for name in names])
        products = [written(self.scene.data / "arts001/data" / name) for name in names]
        self.write_logbook(
            {
                "taskID": task_id,
                "state": "finished",
                "data_location": "arts001:/data",
                "products": products,
                "damaged": {},
            }
        )
        self.note("accepted", task_id)
        for status in (S.SCHEDULED, S.STARTING, S.RUNNING, S.COMPLETING, S.CHECKING):
            self.client.move(task_id, status, owner=VALIDATE if status is S.CHECKING else None)
        return task_id

    def move_products(self, task_id: str, numbers: list[int], status: ProductStatus, owner: str | None) -> None:
        logbook = json.loads((self.scene.telescope / f"{task_id}.json").read_text())
        moves = [
            ProductMove(
                filename=self.file(task_id, number),
                new_status=status,
                checksum=logbook["products"][number]["checksum"],
                size=logbook["products"][number]["size"],
            )
            for number in numbers
        ]
        self.client.move_products(task_id, moves, owner=owner)

    def archive(self, task_id: str, owner: str) -> None:
        """Ingest both products of an observation."""
        self.client.move(task_id, S.INGESTING, owner=owner)
        self.move_products(task_id, [0, 1], P.INGESTING, owner)
        for number in range(2):
            copy = self.in_archive(task_id, number)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(self.on_disk(task_id, number).read_bytes())
        products = json.loads((self.scene.telescope / f"{task_id}.json").read_text())["products"]
        (copy.parent / "manifest.json").write_text(json.dumps({"products": products}))
        self.move_products(task_id, [0, 1], P.ARCHIVED, owner)
        self.client.move(task_id, S.ARCHIVED, owner=owner)

    def remove(self, task_id: str) -> None:
        self.client.move(task_id, S.REMOVING, owner="remove/1")
        for number in range(2):
            self.on_disk(task_id, number).unlink()
        self.move_products(task_id, [0, 1], P.REMOVED, "remove/1")
        self.client.move(task_id, S.REMOVED, owner="remove/1")

    def write_logbook(self, task: dict[str, Any]) -> None:
        (self.scene.telescope / f"{task['taskID']}.json").write_text(json.dumps(task))

    def note(self, event: str, task_id: str) -> None:
        with (self.scene.telescope / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps({"event": event, "taskID": task_id}) + "\n")


def written(path: Path) -> dict[str, Any]:
    content = f"the noise of {path.name}".encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"path": "", "size": len(content), "sha256": sha256}
    return {"filename": path.name, "size": len(content), "checksum": sha256, "files": [file]}


@pytest.fixture
def rehearsal(postgres: Postgres, database_url: str, client: Client, tmp_path: Path) -> Rehearsal:
    for name in ("data", "archive", "telescope"):
        (tmp_path / name).mkdir()
    url = make_url(database_url)
    plain = url.set(drivername="postgresql")
    scene = Scene(
        database=plain.render_as_string(hide_password=False),
        data=tmp_path / "data",
        archive=tmp_path / "archive",
        telescope=tmp_path / "telescope",
    )
    superuser = plain.set(username="postgres", password=postgres.credentials.postgresql["postgres"])
    made = Rehearsal(scene, superuser.render_as_string(hide_password=False), client)
    made.removed = made.observe("REMOVED")
    made.move_products(made.removed, [0, 1], P.VALID, VALIDATE)
    client.move(made.removed, S.VALID, owner=VALIDATE)
    made.archive(made.removed, "ingest/1")
    made.remove(made.removed)

    made.incomplete = made.observe("INCOMPLETE")
    made.move_products(made.incomplete, [0], P.VALID, VALIDATE)
    made.move_products(made.incomplete, [1], P.INVALID, VALIDATE)
    made.on_disk(made.incomplete, 1).unlink()
    path = made.scene.telescope / f"{made.incomplete}.json"
    made.write_logbook(
        json.loads(path.read_text()) | {"damaged": {made.file(made.incomplete, 1): "missing"}},
    )
    client.move(made.incomplete, S.INCOMPLETE, owner=VALIDATE)
    made.expected = {made.removed: {"removed"}, made.incomplete: {"incomplete"}}
    return made


def test_nothing_is_wrong_where_nothing_was_broken(rehearsal: Rehearsal) -> None:
    assert rehearsal.judge() == []


def lose(r: Rehearsal) -> None:
    r.sql("DELETE FROM observations WHERE task_id = %s", r.removed)


def end_elsewhere(r: Rehearsal) -> None:
    r.expected[r.incomplete] = {"removed"}


def work_without_a_worker(r: Rehearsal) -> None:
    task_id = r.observe("CHECKING")
    r.end_lease(task_id)
    r.expected[task_id] = {"checking"}


def alter_the_archive(r: Rehearsal) -> None:
    r.in_archive(r.removed, 1).write_bytes(b"the noise of another")


def truncate_the_archive(r: Rehearsal) -> None:
    r.in_archive(r.removed, 1).write_bytes(b"")


def lose_the_archive(r: Rehearsal) -> None:
    r.in_archive(r.removed, 1).unlink()


def alter_the_disk(r: Rehearsal) -> None:
    r.on_disk(r.incomplete, 0).write_bytes(b"the noise of another")


def lose_the_disk(r: Rehearsal) -> None:
    r.on_disk(r.incomplete, 0).unlink()


def validate_other_bytes(r: Rehearsal) -> None:
    r.sql("UPDATE dataproducts SET checksum = %s WHERE task_id = %s", "0" * 64, r.incomplete)


def lose_a_receipt(r: Rehearsal) -> None:
    r.sql("DELETE FROM receipts WHERE dataproduct = %s", r.file(r.removed, 0))


def double_a_receipt(r: Rehearsal) -> None:
    r.sql(
        "INSERT INTO receipts (task_id, dataproduct, data_location, checksum, actor, forced, reason) "
        "SELECT task_id, dataproduct, data_location, checksum, actor, forced, reason FROM receipts "
        "WHERE dataproduct = %s",
        r.file(r.removed, 0),
    )


def write_a_wrong_receipt(r: Rehearsal) -> None:
    r.sql("UPDATE receipts SET checksum = %s WHERE dataproduct = %s", "0" * 64, r.file(r.removed, 0))


def give_a_receipt_for_what_is_there(r: Rehearsal) -> None:
    r.sql("UPDATE receipts SET task_id = %s, dataproduct = %s", r.incomplete, r.file(r.incomplete, 0))


def keep_what_was_removed(r: Rehearsal) -> None:
    r.on_disk(r.removed, 0).write_bytes(b"still here")


def ingest_twice(r: Rehearsal) -> None:
    for previous, status in (("archived", "valid"), ("valid", "ingesting"), ("ingesting", "archived")):
        add_step(r, r.removed, previous, status, product=r.file(r.removed, 0), owner="ingest/2")


def ingest_side_by_side(r: Rehearsal) -> None:
    for owner in ("ingest/2", "ingest/1"):
        for previous, status in (("valid", "ingesting"), ("ingesting", "valid")):
            add_step(r, r.incomplete, previous, status, product=r.file(r.incomplete, 0), owner=owner)
    add_step(r, r.incomplete, "valid", "ingesting", product=r.file(r.incomplete, 0), owner="ingest/2")


def skip_a_step(r: Rehearsal) -> None:
    r.sql("DELETE FROM transitions WHERE task_id = %s AND dataproduct IS NULL AND status = 'valid'", r.removed)


def skip_a_step_of_a_product(r: Rehearsal) -> None:
    r.sql("DELETE FROM transitions WHERE dataproduct = %s AND status = 'ingesting'", r.file(r.removed, 0))


def make_a_step_that_is_none(r: Rehearsal) -> None:
    add_step(r, r.incomplete, "incomplete", "removed")
    r.sql("UPDATE observations SET status = 'removed' WHERE task_id = %s", r.incomplete)
    r.expected[r.incomplete] = {"removed"}


def end_history_elsewhere(r: Rehearsal) -> None:
    r.sql("UPDATE observations SET status = 'completed' WHERE task_id = %s", r.incomplete)
    r.expected[r.incomplete] = {"completed"}


def forget_history(r: Rehearsal) -> None:
    r.sql("DELETE FROM transitions WHERE task_id = %s", r.incomplete)


def start_twice(r: Rehearsal) -> None:
    r.note("accepted", r.removed)


def never_start(r: Rehearsal) -> None:
    (r.scene.telescope / "journal.jsonl").unlink()


def leave_a_part(r: Rehearsal) -> None:
    (r.in_archive(r.removed, 0).parent / ".a.fits.0123.part").write_bytes(b"half")


def invent_a_task(r: Rehearsal) -> None:
    del r.expected[r.incomplete]


def work_while_paused(r: Rehearsal) -> None:
    (row,) = r.client.history(taskID=r.removed, name="ingesting", dataproduct__isnull=True)
    r.pauses = [("ingest", row.timestamp - timedelta(seconds=1), row.timestamp + timedelta(seconds=1))]


def lose_the_manifest(r: Rehearsal) -> None:
    (r.in_archive(r.removed, 0).parent / "manifest.json").unlink()


def add_step(
    r: Rehearsal, task_id: str, previous: str, status: str, product: str | None = None, owner: str | None = None
) -> None:
    r.sql(
        "INSERT INTO transitions (task_id, dataproduct, previous, status, actor, owner, reason) "
        "VALUES (%s, %s, %s, %s, 'airflow', %s, '')",
        *(task_id, product, previous, status, owner),
    )


@pytest.mark.parametrize(
    ("break_it", "wrong"),
    [
        (lose, Violation.LOST),
        (end_elsewhere, Violation.STATUS),
        (work_without_a_worker, Violation.STATUS),
        (alter_the_archive, Violation.BYTES),
        (truncate_the_archive, Violation.BYTES),
        (lose_the_archive, Violation.BYTES),
        (alter_the_disk, Violation.BYTES),
        (lose_the_disk, Violation.BYTES),
        (validate_other_bytes, Violation.BYTES),
        (lose_the_archive, Violation.DELETION),
        (lose_the_disk, Violation.DELETION),
        (lose_a_receipt, Violation.DELETION),
        (double_a_receipt, Violation.DELETION),
        (write_a_wrong_receipt, Violation.DELETION),
        (give_a_receipt_for_what_is_there, Violation.DELETION),
        (keep_what_was_removed, Violation.OTHER),
        (ingest_twice, Violation.DOUBLE_INGEST),
        (ingest_side_by_side, Violation.DOUBLE_INGEST),
        (skip_a_step, Violation.OTHER),
        (skip_a_step_of_a_product, Violation.OTHER),
        (make_a_step_that_is_none, Violation.OTHER),
        (end_history_elsewhere, Violation.OTHER),
        (forget_history, Violation.OTHER),
        (start_twice, Violation.OTHER),
        (never_start, Violation.OTHER),
        (leave_a_part, Violation.OTHER),
        (lose_the_manifest, Violation.OTHER),
        (invent_a_task, Violation.OTHER),
        (work_while_paused, Violation.OTHER),
    ],
)
def test_each_thing_that_is_broken_is_seen(
    rehearsal: Rehearsal, break_it: Callable[[Rehearsal], None], wrong: Violation
) -> None:
    break_it(rehearsal)
    assert wrong in {finding.wrong for finding in rehearsal.judge()}


def test_the_bytes_that_are_lost_are_counted(rehearsal: Rehearsal) -> None:
    size = rehearsal.in_archive(rehearsal.removed, 1).stat().st_size
    lose_the_archive(rehearsal)
    assert sum(finding.amount for finding in rehearsal.judge() if finding.wrong is Violation.BYTES) == size


def test_an_ingest_that_a_person_asked_for_again_is_none_too_many(rehearsal: Rehearsal) -> None:
    task_id = rehearsal.observe("AGAIN")
    rehearsal.expected[task_id] = {"archived"}
    rehearsal.move_products(task_id, [0, 1], P.VALID, VALIDATE)
    rehearsal.client.move(task_id, S.VALID, owner=VALIDATE)
    rehearsal.archive(task_id, "ingest/1")
    rehearsal.client.act(task_id, Action.INGEST, reason="the copy looks bad")
    rehearsal.client.move(task_id, S.CHECKING, owner="validate/2")
    rehearsal.client.move(task_id, S.VALID, owner="validate/2")
    rehearsal.archive(task_id, "ingest/2")
    assert rehearsal.judge() == []


def test_a_directory_is_judged_file_by_file(rehearsal: Rehearsal) -> None:
    """A MeasurementSet has the checksum that docs/archive.md explains."""
    task_id = rehearsal.observe("DIRECTORY")
    rehearsal.end_lease(task_id)
    rehearsal.expected[task_id] = {"checking"}
    path = rehearsal.scene.telescope / f"{task_id}.json"
    task = json.loads(path.read_text())
    product = rehearsal.on_disk(task_id, 0)
    product.unlink()
    files = {"table.dat": b"a", "ANTENNA/table.dat": b"b"}
    for name, content in files.items():
        (product / name).parent.mkdir(parents=True, exist_ok=True)
        (product / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    listing = "".join(f"{sums[name]}  ./{name}\n" for name in sorted(sums))
    task["products"][0] |= {
        "checksum": hashlib.sha256(listing.encode()).hexdigest(),
        "files": [{"path": name, "size": 1, "sha256": sha256} for name, sha256 in sums.items()],
    }
    rehearsal.write_logbook(task)
    assert {finding.wrong for finding in rehearsal.judge()} == {Violation.STATUS}
    (product / "table.dat").write_bytes(b"c")
    assert Violation.BYTES in {finding.wrong for finding in rehearsal.judge()}
