"""ATDB's records of the data, compared with real disks and a real archive: differences are reported once."""

import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.lifecycle import Action, ProductStatus, Status
from operators.data.local_products import path_of, size_on_disk
from operators.reconcile import compare_data, data_pass
from operators.reconcile.compare_data import NAME
from operators.reconcile.events import new_events
from operators.stages.remove import RemoveProductsOperator
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.data_passes import Look, delete
from tests.operators.killing import kill
from tests.operators.observations import Make, in_archive, products_of

ALL = "Has compared the data of all observations."


def progress(client: Client) -> str:
    return next(client.services(name=NAME)).detail


def age(path: Path, *, hours: float = 2) -> None:
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment), follow_symlinks=False)


def test_if_all_agree_only_the_progress_is_reported(
    client: Client, look: Look, validated: Make, archived: Make, removed: Make, data_root: Path
) -> None:
    for make in (validated, archived, removed):
        make()
    assert look() == []
    assert progress(client) == ALL
    usage = shutil.disk_usage(data_root / "arts001")
    assert {disk.data_host: disk.total_bytes for disk in client.disks()} == {
        "arts001": usage.total,
        "wcudata1": usage.total,
    }


@pytest.mark.parametrize("number", [0, 1], ids=["directory", "file"])
def test_a_product_that_is_not_on_its_data_host_is_reported_once(
    client: Client, look: Look, archived: Make, number: int
) -> None:
    product = products_of(client, archived())[number]
    delete(path_of(product))
    assert look() == [f"{product.filename} is archived, but not on its data host"]
    assert look() == []
    (event,) = client.events()
    assert (event.kind, event.taskID, event.dataproduct) == (
        EventKind.DISAGREEMENT,
        product.taskID,
        product.filename,
    )


def test_what_a_killed_removal_has_deleted_is_not_missing(
    client: Client, look: Look, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    kill(lambda: remove(made), Client, "move_products", before=True)
    client.act(made.taskID, Action.CANCEL)
    assert look() == []
    first, *_ = products_of(client, made)
    sql("update dataproducts set checksum = :other where id = :id", other="ab" * 32, id=first.id)
    assert look() == [f"{first.filename} is archived, but not on its data host"]


def test_another_size_is_reported_of_the_disk_and_of_the_archive(
    client: Client, look: Look, validated: Make, archived: Make, archive_root: Path
) -> None:
    on_disk = products_of(client, validated())[0]
    (path_of(on_disk) / "more").write_bytes(b"12345")
    made = archived()
    in_store = products_of(client, made)[1]
    (in_archive(archive_root, made) / in_store.filename).write_bytes(b"12")
    assert look() == [
        f"{on_disk.filename} is valid with {on_disk.size} bytes, but its data host has {(on_disk.size or 0) + 5}",
        f"{in_store.filename} is archived with {in_store.size} bytes, but the archive has 2",
    ]


def test_a_link_in_the_place_of_a_product_is_reported(
    client: Client, look: Look, validated: Make, tmp_path: Path
) -> None:
    product = products_of(client, validated())[1]
    path_of(product).unlink()
    path_of(product).symlink_to(tmp_path)
    words = f"is valid, but its data host has something else: {product.filename} is neither a file nor a directory"
    assert look() == [f"{product.filename} {words}"]


def test_a_removed_product_that_is_still_there_is_reported(client: Client, look: Look, removed: Make) -> None:
    product = products_of(client, removed())[1]
    path_of(product).write_bytes(b"not gone")
    age(path_of(product))
    assert look() == [f"{product.filename} is removed, but still on its data host"]


def test_the_loss_of_the_only_copy_is_reported_in_capitals(
    client: Client, look: Look, removed: Make, archived: Make, archive_root: Path
) -> None:
    lost, spare = removed(), archived()
    for made in (lost, spare):
        delete(in_archive(archive_root, made) / products_of(client, made)[0].filename)
    names = [products_of(client, made)[0].filename for made in (lost, spare)]
    assert look() == [
        f"{names[0]} is removed, but not in the archive: IT WAS THE ONLY COPY",
        f"{names[1]} is archived, but not in the archive",
    ]


def test_what_an_admin_let_be_deleted_unverified_need_not_be_in_the_archive(
    client: Client, look: Look, validated: Make, context: Context
) -> None:
    made = validated(products=1)
    (product,) = products_of(client, made)
    client.force_removal(product.id, "the disk is broken")
    client.move(made.taskID, Status.REMOVING, owner="remove/1", force=True, reason="the disk is broken")
    client.change_dataproduct(product.id, new_status=ProductStatus.REMOVED, owner="remove/1")
    client.move(made.taskID, Status.REMOVED, owner="remove/1")
    delete(path_of(product))
    assert look() == []


def test_a_file_that_belongs_to_no_product_is_reported_when_it_is_old(
    client: Client, look: Look, validated: Make, data_root: Path
) -> None:
    folder = path_of(products_of(client, validated())[0]).parent
    for name in ("an old one, with a comma", "a new one", os.fsdecode(b"not \xff text")):
        (folder / name).write_bytes(b"1")
    (folder / "old folder").mkdir()
    for path in folder.iterdir():
        if path.name != "a new one":
            age(path)
    place = folder.relative_to(data_root)
    assert look() == [
        f"'{place}/an old one, with a comma' belongs to no data product",
        f"'{place}/not \\udcff text' belongs to no data product",
        f"'{place}/old folder' belongs to no data product",
    ]
    assert look() == []


def test_a_product_whose_location_is_written_in_another_way_belongs_to_no_other(
    client: Client, look: Look, validated: Make, observe: Make
) -> None:
    made = validated(data_location="wcudata1:/data/apertif/")
    other = observe(Status.DEFINED)
    client.create_dataproducts(
        [{"taskID": other.taskID, "filename": "other.fits", "data_location": "wcudata1:/data//apertif"}]
    )
    written = path_of(products_of(client, made)[0]).parent / "other.fits"
    written.write_bytes(b"1")
    age(written)
    assert look() == []


def test_what_is_worked_on_is_not_compared(client: Client, look: Look, archived: Make) -> None:
    made = archived()
    client.move(made.taskID, Status.REMOVING, owner="remove/run 1", lease_seconds=60)
    delete(path_of(products_of(client, made)[0]))
    assert look() == []


def test_a_difference_that_is_only_one_of_time_is_none(
    client: Client, look: Look, archived: Make, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived()

    def and_then_it_is_removed(path: Path, **named: Any) -> int | None:
        if client.observation(made.taskID).my_status is Status.ARCHIVED:
            RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
        return size_on_disk(path, **named)

    monkeypatch.setattr(data_pass, "size_on_disk", and_then_it_is_removed)
    assert look() == []
    assert client.observation(made.taskID).my_status is Status.REMOVED


def test_a_data_host_that_is_not_mounted_is_one_finding(
    client: Client, look: Look, validated: Make, data_root: Path
) -> None:
    validated()
    validated()
    shutil.rmtree(data_root / "wcudata1")
    assert look() == [f"The data host wcudata1 is not mounted below {data_root}. Mount its disk."]
    assert look() == []


def test_an_archive_that_is_not_there_is_one_finding(
    client: Client, look: Look, removed: Make, archive_root: Path
) -> None:
    removed()
    archive_root.rename(archive_root.with_name("away"))
    (sentence,) = look()
    assert sentence.startswith("The archive cannot be compared: The folder of the archive ")
    assert look() == []


def test_an_archive_that_goes_away_meanwhile_is_one_finding_too(
    client: Client, look: Look, removed: Make, archive_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed()

    def and_then_it_is_away(path: Path, **named: Any) -> int | None:
        if archive_root.exists():
            archive_root.rename(archive_root.with_name("away"))
        return size_on_disk(path, **named)

    monkeypatch.setattr(data_pass, "size_on_disk", and_then_it_is_away)
    (sentence,) = look()
    assert sentence.startswith("The archive cannot be compared: The folder of the archive ")


def test_a_data_root_that_is_not_there_is_one_finding(
    client: Client, look: Look, validated: Make, data_root: Path
) -> None:
    validated()
    data_root.rename(data_root.with_name("away"))
    assert look() == [
        f"The data root ATDB_DATA_ROOT={data_root} does not exist. Mount it, or correct the setting."
    ]


def test_partial_files_are_deleted_if_no_run_ingests(
    client: Client, look: Look, archived: Make, validated: Make, archive_root: Path
) -> None:
    ended, under_way = archived(), validated()
    client.move(under_way.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
    parts = []
    for made in (ended, under_way):
        folder = in_archive(archive_root, made)
        (folder / f".{made.taskID}_0.MS.0123456789ab.part").mkdir(parents=True)
        (folder / f".{made.taskID}_1.fits.0123456789ab.part").write_bytes(b"half")
        parts.append(sorted(folder.glob(".*.part")))
    assert [len(each) for each in parts] == [2, 2]
    assert look() == [
        f"The partial file {part} was left in the archive. reconcile has deleted it." for part in parts[0]
    ]
    assert [part.exists() for part in (*parts[0], *parts[1])] == [False, False, True, True]
    assert {event.kind for event in client.events()} == {EventKind.REPAIR}
    assert look() == []


def test_the_manifest_of_an_archived_observation_follows_an_edit(
    client: Client, look: Look, archived: Make, validated: Make, archive_root: Path
) -> None:
    made, ingesting = archived(), validated()
    manifest = in_archive(archive_root, made) / "manifest.json"
    before = json.loads(manifest.read_text())
    assert look() == []
    assert json.loads(manifest.read_text()) == before
    client.change_observation(made.id, field_name="M31, north")
    client.move(ingesting.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
    assert look() == []
    after = json.loads(manifest.read_text())
    assert after["observation"] == before["observation"] | {"field_name": "M31, north"}
    assert after["products"] == before["products"]
    assert not in_archive(archive_root, ingesting).exists()


def test_a_damaged_manifest_is_reported_once_a_day(
    client: Client, look: Look, archived: Make, archive_root: Path
) -> None:
    made = archived()
    (in_archive(archive_root, made) / "manifest.json").write_bytes(b"")
    look()
    look()
    (event,) = client.events()
    assert f"{made.taskID} is damaged. The next ingest of the observation writes it again." in event.detail


def test_a_part_of_an_ingest_that_has_just_begun_is_left(
    client: Client, look: Look, validated: Make, archive_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = validated()
    part = in_archive(archive_root, made) / f".{made.taskID}_1.fits.0123456789ab.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")

    def and_then_it_is_ingested(*arguments: Any) -> Any:
        client.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
        return new_events(*arguments)

    monkeypatch.setattr(compare_data, "new_events", and_then_it_is_ingested)
    assert look() == []
    assert part.exists()


def test_the_next_pass_continues_after_the_last_one(
    client: Client, look: Look, validated: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_data, "OBSERVATIONS", 2)
    made = [validated(products=2) for _ in range(3)]
    missing = []
    for each in made:
        product = products_of(client, each)[0]
        delete(path_of(product))
        missing.append(f"{product.filename} is valid, but not on its data host")
    assert look() == missing[:2]
    assert progress(client) == f"Has compared the data of observations up to taskID={made[1].taskID}"
    assert look() == missing[2:]
    assert progress(client) == "Has compared the data of all observations."


def test_a_pass_without_time_compares_one_observation_and_the_next_continues(
    client: Client, look: Look, validated: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [validated(products=2) for _ in range(2)]
    for each in made:
        delete(path_of(products_of(client, each)[0]))
    monkeypatch.setattr(compare_data, "COMPARE_SECONDS", 0.0)
    assert len(look()) == 1
    assert progress(client) == f"Has compared the data of observations up to taskID={made[0].taskID}"
    assert len(look()) == 1
    assert progress(client) == ALL


def test_a_disk_without_its_data_exceeds_the_limit_and_is_reported_with_a_higher_one(
    client: Client, look: Look, validated: Make, archive_root: Path
) -> None:
    made = [validated(products=6) for _ in range(2)]
    for each in made:
        for product in products_of(client, each):
            delete(path_of(product))
        part = in_archive(archive_root, each) / f".{each.taskID}_1.fits.0123456789ab.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"half")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"compare_data stopped itself .*: 12 findings among 2 obs"):
            look()
    assert [event.kind for event in client.events()] == [EventKind.BRAKE]
    assert len(list(archive_root.rglob("*.part"))) == 2
    assert datetime.now(UTC) - next(client.services(name=NAME)).last_seen < timedelta(seconds=30)
    assert len(look(percent=100)) == 14
    assert look() == []
