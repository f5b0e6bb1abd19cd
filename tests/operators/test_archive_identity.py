"""An archive whose disk is not mounted, or another one, is never mistaken for the one that ATDB knows."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_api import create_app
from atdb_api.config import Config, SpecificationRules
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import Action, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.identity import MARKER
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError
from operators.stages.validate import ValidateProductsOperator
from standalone.settings import HOST
from tests.conftest import SECRETS, Postgres, listening
from tests.mounts import Mount, unmount
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.data_passes import Look
from tests.operators.observations import Make, in_archive, last, products_of, statuses, write
from tests.operators.removals import content
from tests.specifications import COORDINATES

OTHER = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def ingest(context: Context, archive_root: Path) -> Callable[[Observation], None]:
    return lambda made: IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))


def identity(root: Path) -> str:
    return (root / MARKER).read_text().strip()


def test_the_first_ingest_gives_the_archive_its_identity_which_every_copy_has(
    client: Client, archived: Make, archive_root: Path
) -> None:
    for _ in range(2):
        made = archived()
        assert {each.archive_identity for each in products_of(client, made)} == {identity(archive_root)}


def test_an_ingest_that_wrote_into_the_unmounted_folder_makes_no_archive_of_it(
    client: Client, validated: Make, ingest: Any, remove: Any, look: Look, archive_root: Path, tmp_path: Path,
    mount: Mount, trouble: Callable[[Any], None],
) -> None:  # fmt: skip
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("tmpfs", disk)
    mount(disk, archive_root)
    trouble(lambda _: None)
    earlier, made = validated(), validated()
    ingest(earlier)

    def unmount_first(path: str) -> None:
        if archive_root.is_mount():
            unmount(archive_root)
        Path(path).parent.mkdir(parents=True, exist_ok=True)  # nothing fails in the folder below the mount

    trouble(unmount_first)
    with pytest.raises(ArchiveError, match="Another disk is mounted"):
        ingest(made)
    assert in_archive(archive_root, made).is_dir()
    trouble(lambda _: None)
    for _ in range(2):
        client.act(made.taskID, Action.RETRY)
        with pytest.raises(ArchiveError, match=r"ATDB has archived data before, but .* has no identity"):
            ingest(made)
        assert "archived" not in statuses(client, made)
        assert has_code(last(client, made)[1], ReasonCode.OTHER_ARCHIVE)
    with pytest.raises(RemoveError, match=r"but the archive at .* has no identity\. Mount its disk"):
        remove(earlier)
    assert all(path_of(each).exists() for each in products_of(client, earlier))
    (event,) = look()
    assert "The archive cannot be compared" in event
    mount(disk, archive_root)
    for observation, status in ((made, "archived"), (earlier, "removed")):
        client.act(observation.taskID, Action.RETRY)
        ingest(made) if observation is made else remove(earlier)
        assert statuses(client, observation) == [status] * 3
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


def test_another_archive_in_the_place_of_the_known_one_is_refused_unless_it_is_declared_new(
    client: Client, archived: Make, validated: Make, ingest: Any, remove: Any, check_again: Any, archive_root: Path
) -> None:
    earlier, made = archived(), validated()
    former = archive_root.rename(archive_root.with_name("former"))
    archive_root.mkdir()
    for present, found in ((None, "has no identity"), (OTHER, f"has the identity {OTHER}, which ATDB does not")):
        if present:
            (archive_root / MARKER).write_text(f"{present}\n")
        with pytest.raises(ArchiveError, match=found):
            ingest(made)
        client.act(made.taskID, Action.RETRY)
        assert {path.name for path in archive_root.iterdir()} == ({MARKER} if present else set())
    (archive_root / MARKER).write_text("new\n")
    ingest(made)
    assert statuses(client, made) == ["archived"] * 3
    new = {each.archive_identity for each in products_of(client, made)}
    assert new != {identity(former)}
    shutil.copytree(in_archive(former, earlier), in_archive(archive_root, earlier))
    with pytest.raises(RemoveError, match=f"are in the archive {identity(former)}, but .* use the action ingest"):
        remove(earlier)
    check_again(earlier, Action.INGEST)
    assert {each.archive_identity for each in products_of(client, earlier)} == new
    remove(earlier)
    assert statuses(client, earlier) == ["removed"] * 3


def test_an_archive_that_was_moved_with_its_identity_is_the_same(
    client: Client, archived: Make, remove: Any, archive_root: Path
) -> None:
    made = archived()
    former = archive_root.rename(archive_root.with_name("former"))
    shutil.copytree(former, archive_root)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


@pytest.mark.parametrize("holds", ["copies", "a damaged copy", "nothing", "other files"])
def test_an_archive_of_an_earlier_version_is_known_by_a_copy(
    client: Client, archived: Make, validated: Make, ingest: Any, remove: Any, archive_root: Path, sql: Sql,
    holds: str,
) -> None:  # fmt: skip
    earlier, made = archived(products=1), validated(products=1)
    sql("update dataproducts set archive_identity = null")
    (archive_root / MARKER).unlink()
    copy = in_archive(archive_root, earlier)
    match holds:
        case "a damaged copy":
            (copy / products_of(client, earlier)[0].filename / "table.dat").write_bytes(b"x" * 1000)
        case "nothing":
            shutil.rmtree(copy.parent)
        case "other files":
            shutil.rmtree(copy)
            (archive_root / "a file").touch()
    if holds != "copies":
        with pytest.raises(ArchiveError, match=r"ATDB has archived data before, but .* has no identity"):
            ingest(made)
        assert not (archive_root / MARKER).exists()
        assert statuses(client, made) == ["valid"]
        return
    ingest(made)
    assert {each.archive_identity for each in products_of(client, made)} == {identity(archive_root)}
    remove(earlier)  # its copy proves itself
    assert statuses(client, earlier) == ["removed"]


def test_nothing_is_called_archived_if_the_identity_changes_during_the_ingest(
    client: Client, validated: Make, ingest: Any, archive_root: Path, trouble: Callable[[Any], None]
) -> None:
    made = validated()
    trouble(lambda _: (archive_root / MARKER).write_text(f"{OTHER}\n"))
    with pytest.raises(ArchiveError, match=f"has the identity {OTHER}"):
        ingest(made)
    assert "archived" not in statuses(client, made)


def test_an_observation_that_gets_a_taskid_again_after_a_restore_replaces_nothing_in_the_archive(
    client: Client, postgres: Postgres, context: Context, archived: Make, remove: Any,
    archive_root: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = archived(products=1)
    (product,) = products_of(client, made)
    remove(made)
    copy = in_archive(archive_root, made) / product.filename
    before, manifest = content(copy), (copy.parent / "manifest.json").read_bytes()
    time.sleep(1)  # times on the wire are at whole seconds
    older = create_app(
        Config(
            database_url=postgres.new_database(), specification_rules=SpecificationRules(accepts_past_starts=True)
        )
    )
    with listening(older) as port, Client(f"http://{HOST}:{port}", user="admin", secret=SECRETS["admin"]) as again:
        host = f"http://{HOST}:{port}"
        login = {"conn_type": "atdb", "host": host, "login": "pipeline", "password": SECRETS["pipeline"]}
        monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))
        specification = {
            "field_name": "3C147", "observing_mode": "imaging", **COORDINATES, "starttime": made.starttime,
            "duration": 300, "data_location": "wcudata1:/data/again",
        }  # fmt: skip
        other = again.create_observation(specification)
        assert other.taskID == made.taskID
        again.create_dataproducts([NewDataProduct(taskID=other.taskID, filename=product.filename)])
        again.move(other.taskID, Status.COMPLETING, force=True, reason="observed")
        write(path_of(products_of(again, other)[0]), 500)
        ValidateProductsOperator(task_id="validate").execute(context(other.taskID, "validate"))
        with pytest.raises(ArchiveError, match="another observation with the taskID"):
            IngestProductsOperator(task_id="ingest").execute(context(other.taskID, "ingest"))
        assert last(again, other)[0] == "ingest error"
    older.extensions["atdb_engine"].dispose()
    assert content(copy) == before
    assert (copy.parent / "manifest.json").read_bytes() == manifest
