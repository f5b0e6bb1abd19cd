"""The faults of data occur at their moment in an ATDB without a pipeline, and are recorded."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Actor, Status
from standalone.rehearsal.archive_plan import ArchiveFaults
from standalone.rehearsal.data_faults import ACTS, DELAYS, UNMOUNTED, DataFaults
from standalone.rehearsal.evidence import Evidence
from standalone.rehearsal.faults import RehearsalRecord, RehearsedFault
from standalone.rehearsal.kills import ProcessKiller
from standalone.rehearsal.witness import TROUBLES, Witness
from standalone.settings import Settings
from tests.conftest import Postgres
from tests.rehearsal.test_checker import VALIDATE, Rehearsal, rehearsal
from tests.specifications import COORDINATES

__all__ = ["rehearsal"]  # a fixture

T = RehearsedFault


class Injecting:
    """Faults of data in a finished rehearsal. `record`: those that occurred."""

    def __init__(self, r: Rehearsal, postgres: Postgres, state: Path) -> None:
        self.r, self.state, self.record, self.over = r, state, RehearsalRecord(), threading.Event()
        settings = Settings(state=state)
        self.witness = Witness(r.scene.database, state)
        self.faults = DataFaults(
            settings=settings,
            operator=r.client,
            archive=ArchiveFaults(state / "plan.json"),
            process_killer=ProcessKiller(settings, postgres.credentials),
            witness=self.witness,
            record=self.record,
            over=self.over,
            seed=1,
        )

    def acts(self) -> list[dict[str, Any]]:
        return Evidence(replace(self.r.scene, record=self.state)).acts

    def play_while(self, fault: RehearsedFault, task_id: str, act: Callable[[], None]) -> bool:
        """Inject a fault, and act while it waits for the refusal."""
        result: list[bool] = []
        thread = threading.Thread(target=lambda: result.append(self.faults.play(fault, task_id, 0)))
        thread.start()
        deadline = time.monotonic() + 60
        while not self.acts() and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            act()
            with closing(psycopg2.connect(self.r.scene.database)) as opened:
                self.witness.look(opened)
            thread.join(60)
        finally:
            self.over.set()
            thread.join()
        return result == [True]


@pytest.fixture
def injecting(rehearsal: Rehearsal, postgres: Postgres, tmp_path: Path) -> Iterator[Injecting]:
    made = Injecting(rehearsal, postgres, tmp_path)
    yield made
    made.over.set()


@pytest.fixture
def archived(rehearsal: Rehearsal) -> str:
    """An archived observation whose removal begins later."""
    task_id = valid(rehearsal)
    rehearsal.archive(task_id, "ingest/1")
    return task_id


def valid(r: Rehearsal) -> str:
    for actor, seconds in DELAYS.items():
        if actor is Actor.REMOVE:
            r.client.change_stage(actor, delay_seconds=seconds)
    task_id = r.observe("VALID")
    r.move_products(task_id, [0, 1], "valid", VALIDATE)  # type: ignore[arg-type]
    r.client.move(task_id, Status.VALID, owner=VALIDATE)
    for number in range(2):
        row = next(r.client.dataproducts(taskID=task_id, filename=r.file(task_id, number)))
        assert row.archive_location == str(r.in_archive(task_id, number).relative_to(r.scene.archive))
    return task_id


@pytest.mark.parametrize("fault", [T.DATA_REPLACED, T.DATA_SHORTENED])
def test_archived_data_are_overwritten(injecting: Injecting, archived: str, fault: RehearsedFault) -> None:
    disk = injecting.r.on_disk(archived, 0)
    before = disk.read_bytes()
    assert injecting.faults.play(fault, archived, 0)
    after = disk.read_bytes()
    assert after != before
    assert len(after) == len(before) if fault is T.DATA_REPLACED else len(after) < len(before)
    ((act),) = injecting.acts()
    assert (act["taskID"], act["filename"]) == (archived, disk.name)
    assert "DataDiffers" in act["refusals"]
    evidence = Evidence(replace(injecting.r.scene, record=injecting.state))
    assert evidence.files(disk) == {file["path"]: file["sha256"] for file in act["files"]}
    assert [each.fault for each in injecting.record.injections] == [fault]


@pytest.mark.parametrize("fault", [T.DATA_REPLACED_CHECK, T.DATA_REPLACED_INGEST])
def test_an_operator_has_them_checked(injecting: Injecting, archived: str, fault: RehearsedFault) -> None:
    assert injecting.faults.play(fault, archived, 0)
    assert injecting.r.client.observation(archived).my_status is Status.COMPLETING


@pytest.mark.parametrize("fault", [T.COPY_EMPTIED, T.COPY_REPLACED])
def test_the_copy_is_damaged(injecting: Injecting, archived: str, fault: RehearsedFault) -> None:
    copy, disk = injecting.r.in_archive(archived, 0), injecting.r.on_disk(archived, 0)
    size = copy.stat().st_size
    assert injecting.faults.play(fault, archived, 0)
    if fault is T.COPY_EMPTIED:
        assert copy.is_dir()
        assert not list(copy.iterdir())
    else:
        assert copy.stat().st_size == size
        assert copy.read_bytes() != disk.read_bytes()
    assert injecting.acts()[0]["files"] == []


def test_a_link_leads_outside_until_atdb_refuses_it(injecting: Injecting, archived: str) -> None:
    disk = injecting.r.on_disk(archived, 0)
    content = disk.read_bytes()

    def refuse() -> None:
        deadline = time.monotonic() + 10
        while not disk.is_symlink() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert disk.read_bytes() == b"outside"
        injecting.r.sql("UPDATE stages SET delay_seconds = 0")
        injecting.r.client.move(archived, Status.REMOVING, owner="remove/1")
        injecting.r.client.renew(archived, "remove/1", 60, trouble="NotAProduct: it is a link")

    assert injecting.play_while(T.LINK_BEFORE_REMOVE, archived, refuse)
    assert not disk.is_symlink()
    assert disk.read_bytes() == content
    (trouble,) = [json.loads(line) for line in (injecting.state / TROUBLES).read_text().splitlines()]
    assert (trouble["taskID"], trouble["reason"]) == (archived, "NotAProduct: it is a link")


def test_a_disk_with_other_data_stays_mounted(injecting: Injecting, archived: str) -> None:
    assert not injecting.faults.play(T.UNMOUNTED_BEFORE_REMOVE, archived, 0)
    assert injecting.acts() == []
    assert injecting.record.injections == []
    assert injecting.r.on_disk(archived, 0).exists()


def test_a_disk_is_not_mounted_until_atdb_refuses(injecting: Injecting, archived: str) -> None:
    r = injecting.r
    r.sql("UPDATE dataproducts SET data_location = 'disk1:/data' WHERE task_id = %s", archived)
    place = r.scene.data / "disk1"
    (place / "data").mkdir(parents=True)
    (place / "data" / r.file(archived, 0)).write_bytes(b"noise")

    def refuse() -> None:
        assert not list(place.iterdir())
        assert (injecting.state / UNMOUNTED / "disk1" / "data" / r.file(archived, 0)).exists()
        r.sql("UPDATE stages SET delay_seconds = 0")
        r.client.move(archived, Status.REMOVING, owner="remove/1")
        r.client.renew(archived, "remove/1", 60, trouble="OtherDisk: it is another disk")

    assert injecting.play_while(T.UNMOUNTED_BEFORE_REMOVE, archived, refuse)
    assert (place / "data" / r.file(archived, 0)).read_bytes() == b"noise"


def test_a_fault_does_not_occur_after_its_moment(injecting: Injecting) -> None:
    assert not injecting.faults.play(T.DATA_REPLACED, injecting.r.removed, 0)
    assert not (injecting.state / ACTS).exists()


def test_the_lock_of_a_file_cannot_grow(injecting: Injecting, archived: str) -> None:
    """Only MeasurementSets have one."""
    assert not injecting.faults.play(T.LOCK_GROWING, archived, 0)


def test_a_wrong_size_is_announced_until_atdb_refuses_it(injecting: Injecting, client: Client) -> None:
    r = injecting.r
    task_id = r.client.create_observation(
        {
            "field_name": "ANNOUNCED",
            "observing_mode": "arts_sc1_timing",
            **COORDINATES,
            "starttime": datetime.now(UTC) + timedelta(days=365),
            "duration": 300,
            "data_location": "arts001:/data",
        }
    ).taskID
    r.client.create_dataproducts([{"taskID": task_id, "filename": r.file(task_id, 0)}])
    r.client.move(task_id, Status.SCHEDULED)

    def refuse() -> None:
        (product,) = client.dataproducts(taskID=task_id)
        assert product.announced_size == 28_800
        for status in (Status.STARTING, Status.RUNNING, Status.COMPLETING):
            r.client.move(task_id, status)
        r.client.move(task_id, Status.CHECKING, owner=VALIDATE)
        r.client.move(task_id, Status.INCOMPLETE, owner=VALIDATE, reason="NotAsAnnounced: it has 5 bytes")

    assert injecting.play_while(T.ANNOUNCED_OTHER, task_id, refuse)
    (product,) = client.dataproducts(taskID=task_id)
    assert product.announced_size is None
