"""An observation that is ingested again: what has changed is copied, and all else stays."""

import json
import shutil
from pathlib import Path

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.archive.identity import MARKER
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from operators.stages.remove import RemoveError, RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make, in_archive, products_of, statuses


def validate_and_ingest(made: Observation, context: Context) -> None:
    """Do both stages again, in runs of their own."""
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="again"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="again"))


def test_what_changed_after_it_was_validated_is_checked_again_and_nothing_is_copied_twice(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    first, second, _ = products_of(client, made)
    path_of(second).write_bytes(b"it grew")
    with pytest.raises(IngestError, match="has changed since it was validated"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    table = in_archive(archive_root, made) / first.filename / "table.dat"
    before = table.stat()

    lost = path_of(second).rename(path_of(second).with_name("lost"))
    client.act(made.taskID, Action.CHECK, reason="the data have changed")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="run 2"))
    assert client.observation(made.taskID).my_status is Status.INCOMPLETE
    assert statuses(client, made) == ["archived", "invalid", "archived"]

    lost.rename(path_of(second))
    client.act(made.taskID, Action.RETRY, reason="the data are found")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="run 3"))
    assert client.observation(made.taskID).my_status is Status.VALID
    assert statuses(client, made) == ["archived", "valid", "archived"]

    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 4"))
    assert statuses(client, made) == ["archived"] * 3
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (in_archive(archive_root, made) / second.filename).read_bytes() == b"it grew"


def test_a_copy_that_is_no_longer_in_the_archive_is_made_again(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    first = products_of(client, made)[0].filename
    shutil.rmtree(in_archive(archive_root, made) / first)
    client.act(made.taskID, Action.INGEST, reason="the archive has lost one")
    validate_and_ingest(made, context)
    assert statuses(client, made) == ["archived"] * 3
    assert (in_archive(archive_root, made) / first / "table.dat").is_file()


def test_the_manifest_keeps_what_was_removed_before_the_rest_is_ingested_again(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    names = [product.filename for product in products_of(client, made)]
    (in_archive(archive_root, made) / names[1]).write_bytes(b"rotten")
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "archived", "removed"]
    client.act(made.taskID, Action.INGEST, reason="one copy is bad")
    validate_and_ingest(made, context)
    assert (in_archive(archive_root, made) / names[1]).read_bytes() != b"rotten"
    manifest = json.loads((in_archive(archive_root, made) / "manifest.json").read_text())
    assert {p["filename"]: p["checksum"] for p in manifest["products"]} == {
        product.filename: product.checksum for product in products_of(client, made)
    }


@pytest.mark.parametrize("damaged", [b"", b"\xff", b"[]", b'{"products": []}'])
def test_a_damaged_manifest_is_written_again_with_what_was_removed_before(
    client: Client, archived: Make, context: Context, archive_root: Path, damaged: bytes
) -> None:
    made = archived()
    folder = in_archive(archive_root, made)
    names = [product.filename for product in products_of(client, made)]
    before = json.loads((folder / "manifest.json").read_text())["products"]
    (folder / names[1]).write_bytes(b"rotten")
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "archived", "removed"]
    (folder / "manifest.json").write_bytes(damaged)
    client.act(made.taskID, Action.INGEST, reason="one copy is bad")
    validate_and_ingest(made, context)
    assert json.loads((folder / "manifest.json").read_text())["products"] == before


def test_an_edited_collection_moves_nothing_that_is_archived_and_the_manifest_follows_the_edit(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived(irods_collection="apertif_main")
    folder = in_archive(archive_root, made)
    places = [(product.archive_location, product.archive_copy) for product in products_of(client, made)]
    inodes = {path: path.stat().st_ino for path in folder.rglob("*") if path.name != "manifest.json"}
    client.change_observation(made.id, irods_collection="elsewhere", field_name="M31, north")
    client.act(made.taskID, Action.INGEST, reason="again")
    validate_and_ingest(made, context)
    assert [(p.archive_location, p.archive_copy) for p in products_of(client, made)] == places
    assert {path: path.stat().st_ino for path in folder.rglob("*") if path.name != "manifest.json"} == inodes
    assert {path.name for path in archive_root.iterdir()} == {MARKER, "apertif_main"}
    specification = json.loads((folder / "manifest.json").read_text())["observation"]
    assert (specification["irods_collection"], specification["field_name"]) == ("elsewhere", "M31, north")
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3


@pytest.mark.parametrize("action", [Action.INGEST, Action.CHECK])
def test_a_file_that_was_repaired_in_place_after_archiving_is_validated_and_copied_again(
    client: Client, archived: Make, context: Context, archive_root: Path, action: Action
) -> None:
    made = archived()
    flagged, *others = products_of(client, made)
    table = path_of(flagged) / "table.dat"
    table.write_bytes(bytes(byte ^ 1 for byte in table.read_bytes()))
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert table.exists()
    inodes = {p.filename: (in_archive(archive_root, made) / p.filename).stat().st_ino for p in others}
    client.act(made.taskID, action, reason="the data were flagged")
    validate_and_ingest(made, context)
    now = products_of(client, made)[0]
    assert now.checksum != flagged.checksum
    assert (in_archive(archive_root, made) / flagged.filename / "table.dat").read_bytes() == table.read_bytes()
    for name, inode in inodes.items():
        if (in_archive(archive_root, made) / name).exists():
            assert (in_archive(archive_root, made) / name).stat().st_ino == inode
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove", run="again"))
    assert statuses(client, made) == ["removed"] * 3


def test_a_file_that_was_changed_between_validate_and_ingest_stays_and_the_copy_too(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    changed = products_of(client, made)[1]
    client.act(made.taskID, Action.INGEST, reason="again")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="again"))
    before = (in_archive(archive_root, made) / changed.filename).read_bytes()
    path_of(changed).write_bytes(bytes(byte ^ 1 for byte in before))
    with pytest.raises(IngestError, match=r"has changed since it was validated\. Use the action check"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="again"))
    assert statuses(client, made) == ["archived", "ingest error", "archived"]
    assert (in_archive(archive_root, made) / changed.filename).read_bytes() == before
    manifest = json.loads((in_archive(archive_root, made) / "manifest.json").read_text())
    assert {p["filename"] for p in manifest["products"]} == {p.filename for p in products_of(client, made)}


@pytest.mark.parametrize("action", [Action.INGEST, Action.CHECK])
def test_a_rotten_copy_of_the_same_size_is_read_and_replaced_when_the_observation_is_ingested_again(
    client: Client, archived: Make, context: Context, archive_root: Path, action: Action
) -> None:
    made = archived()
    copy = in_archive(archive_root, made) / products_of(client, made)[1].filename
    right = copy.read_bytes()
    copy.write_bytes(bytes(byte ^ 1 for byte in right))
    with pytest.raises(RemoveError, match="is not what was observed"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    client.act(made.taskID, action, reason="one copy is bad")
    validate_and_ingest(made, context)
    assert copy.read_bytes() == right
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove", run="again"))
    assert statuses(client, made) == ["removed"] * 3
