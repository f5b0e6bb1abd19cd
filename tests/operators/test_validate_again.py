"""What validate records and compares, and what it does with products that are archived or removed already."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import Action, Status
from atdb_interface.observations import Observation
from atdb_interface.product_files import identity_of, open_product
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.attempts import Attempt
from operators.data.data_disks import MARKER
from operators.data.local_products import path_of
from operators.lease import LeaseKeeper
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError
from operators.stages.validate import StillWrittenError, ValidateProductsOperator
from tests.file_records import records_of
from tests.mounts import Mount
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.observations import Make, in_archive, last, products_of, statuses, write

Work = Callable[[Observation], None]


@pytest.fixture
def validate(context: Context) -> Work:
    return lambda made: ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))


@pytest.fixture
def ingest(context: Context, archive_root: Path) -> Work:
    return lambda made: IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))


def test_the_size_checksum_identity_and_disk_of_each_product_are_recorded(
    client: Client, written: Make, validate: Work, data_root: Path
) -> None:
    first, second = written(), written(data_location="arts001:/data/01")
    for made in (first, second):
        validate(made)
        for product in products_of(client, made):
            path = path_of(product)
            with open_product(path) as opened:
                entries = opened.entries()
            assert (product.checksum, product.identity) == (
                product_checksum(records_of(path)),
                identity_of(entries),
            )
            host = product.data_location.partition(":")[0]
            assert product.disk == (data_root / host / MARKER).read_text().strip()
    assert len({product.disk for made in (first, second) for product in products_of(client, made)}) == 2
    assert sorted(path.parent.name for path in data_root.rglob(f"{MARKER}*")) == ["arts001", "wcudata1"]


def test_each_disk_within_a_data_host_has_its_own_identity(
    written: Make, validate: Work, data_root: Path, mount: Mount
) -> None:
    disk = data_root / "arts001" / "data" / "02"
    disk.mkdir(parents=True)
    mount("tmpfs", disk)
    for location in ("arts001:/data/01/Timing", "arts001:/data/02/Timing"):
        validate(written(products=1, data_location=location))
    markers = sorted(data_root.rglob(MARKER))
    assert markers == [data_root / "arts001" / MARKER, disk / MARKER]
    assert len({marker.read_text() for marker in markers}) == 2


def test_a_disk_that_accepts_no_identity_has_none_and_its_data_are_read_before_they_are_deleted(
    client: Client, written: Make, validate: Work, ingest: Work, remove: Work, data_root: Path, mount: Mount
) -> None:
    disk = data_root / "arts001"
    mount("tmpfs", disk)
    made = written(products=2, data_location="arts001:/data")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    validate(made)
    ingest(made)
    assert {product.disk for product in products_of(client, made)} == {None}
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    first, second = (path_of(product) for product in products_of(client, made))
    before = second.stat()
    second.write_bytes(bytes(before.st_size))
    os.utime(second, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(RemoveError, match="differs from the archive"):
        remove(made)
    assert not first.exists()
    assert second.exists()


@pytest.mark.parametrize("announced", ["size", "checksum"])
def test_data_that_are_not_as_announced_are_invalid_until_the_announcement_is_corrected(
    client: Client, written: Make, validate: Work, announced: str
) -> None:
    made = written(products=0)
    values: dict[str, Any] = {"size": 28_800} if announced == "size" else {"checksum": "ab" * 32}
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="a.fits", **values)])
    (product,) = products_of(client, made)
    write(path_of(product), 1000)
    checksum = product_checksum(records_of(path_of(product)))
    validate(made)
    (product,) = products_of(client, made)
    words = {
        "size": "1000 bytes, but 28800 bytes were announced",
        "checksum": f"the SHA-256 {checksum}, but {'ab' * 32} was announced",
    }
    assert (product.my_status, product.status_history[-1].reason) == (
        "invalid",
        f"NotAsAnnounced: The data product has {words[announced]}. Restore the data, or correct the announcement, "
        "then retry.",
    )
    assert last(client, made)[0] == "incomplete"
    right: dict[str, Any] = {f"announced_{announced}": {"size": 1000, "checksum": checksum}[announced]}
    client.change_dataproduct(product.id, **right)
    client.act(made.taskID, Action.RETRY)
    validate(made)
    (product,) = products_of(client, made)
    assert (product.my_status, product.size, product.checksum) == ("valid", 1000, checksum)


def test_an_announcement_may_count_the_lock_files_of_a_measurement_set(
    client: Client, written: Make, validate: Work
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    (path / "sub" / "table.lock").write_bytes(b"lock")
    everything: dict[str, Any] = {"announced_size": 1014, "announced_checksum": product_checksum(records_of(path))}
    client.change_dataproduct(product.id, **everything)
    validate(made)
    (product,) = products_of(client, made)
    assert (product.my_status, product.size) == ("valid", 1010)
    assert product.checksum != everything["announced_checksum"]


class InterruptedReading(ValidateProductsOperator):
    """Validate, and do something after the first file was read."""

    happens: Callable[[], object]

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> Any:
        advance = lease.advance
        has_happened: list[bool] = []

        def advance_once(n_bytes: int) -> None:
            advance(n_bytes)
            if not has_happened:
                has_happened.append(True)
                self.happens()

        lease.advance = advance_once  # type: ignore[method-assign]
        return super().work(client, observation, owner, lease)


def _link(path: Path, secret: Path) -> None:
    (path / "table.dat").rename(secret)
    (path / "table.dat").symlink_to(secret)


def _link_directory(path: Path, secret: Path) -> None:
    (path / "zub").rename(secret)
    (path / "zub").symlink_to(secret)


def _overwrite(path: Path, _: Path) -> None:
    before = (path / "table.dat").stat()
    (path / "table.dat").write_bytes(bytes(before.st_size))
    os.utime(path / "table.dat", ns=(before.st_atime_ns, before.st_mtime_ns))


def _overwrite_what_was_read(path: Path, _: Path) -> None:
    before = (path / "sub" / "two words").stat()
    (path / "sub" / "two words").write_bytes(bytes(before.st_size))
    os.utime(path / "sub" / "two words", ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [_link, _link_directory, _overwrite, _overwrite_what_was_read])
def test_what_changes_while_it_is_read_is_not_valid_and_no_link_is_followed(
    client: Client, written: Make, context: Context, tmp_path: Path, change: Callable[[Path, Path], None]
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    shutil.copytree(path / "sub", path / "zub")
    operator = InterruptedReading(task_id="validate")
    operator.happens = lambda: change(path, tmp_path / "secret")
    with pytest.raises(StillWrittenError):
        operator.execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid"]
    assert has_code(products_of(client, made)[0].status_history[-1].reason, ReasonCode.STILL_WRITTEN)


def test_another_file_system_in_a_product_is_not_read(
    client: Client, written: Make, validate: Work, tmp_path: Path, mount: Mount
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mount(elsewhere, path_of(product) / "sub")
    validate(made)
    (product,) = products_of(client, made)
    assert (product.my_status, product.status_history[-1].reason) == (
        "invalid",
        f"OtherFileSystem: {product.filename}/sub is on another file system than the data product. "
        "Replace it with the data, then retry.",
    )


def test_archived_products_whose_data_have_not_changed_stay_archived(
    client: Client, archived: Make, validate: Work, ingest: Work, archive_root: Path
) -> None:
    made = archived()
    directory, file, _ = products_of(client, made)
    copy = path_of(file).with_name("copy")
    shutil.copy(path_of(file), copy)
    copy.rename(path_of(file))
    times = {path: path.stat().st_ctime_ns for path in in_archive(archive_root, made).rglob("*.dat")}
    client.act(made.taskID, Action.CHECK)
    validate(made)
    now = products_of(client, made)
    assert [product.my_status for product in now] == ["archived"] * 3
    assert (now[0].identity == directory.identity, now[1].identity == file.identity) == (True, False)
    assert last(client, made)[0] == "valid"
    ingest(made)
    assert last(client, made)[0] == "archived"
    assert {path: path.stat().st_ctime_ns for path in in_archive(archive_root, made).rglob("*.dat")} == times


@pytest.mark.parametrize("fault", ["missing", "empty", "a link"])
def test_an_archived_product_whose_data_are_lost_stays_archived_and_the_observation_says_so(
    client: Client, archived: Make, validate: Work, fault: str, tmp_path: Path
) -> None:
    made = archived()
    _, product, _ = products_of(client, made)
    path = path_of(product)
    match fault:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case _:
            path.rename(tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")
    client.act(made.taskID, Action.CHECK)
    validate(made)
    assert statuses(client, made) == ["archived"] * 3
    status, reason = last(client, made)
    assert status == "incomplete"
    words = {"missing": "is not on its data host", "empty": "is empty", "a link": "is a symbolic link"}
    assert f"{product.filename} is still archived. On its data host: The data product {words[fault]}" in reason


def test_archived_products_that_are_not_as_announced_any_more_are_valid_again(
    client: Client, written: Make, validate: Work, ingest: Work
) -> None:
    made = written(products=0)
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="a.fits", size=1000)])
    (product,) = products_of(client, made)
    write(path_of(product), 1000)
    validate(made)
    ingest(made)
    with pytest.raises(Conflict):
        client.change_dataproduct(product.id, announced_size=2000)
    write(path_of(product), 2000)
    client.act(made.taskID, Action.CHECK)
    validate(made)
    (product,) = products_of(client, made)
    assert (product.my_status, product.size) == ("valid", 2000)
    assert product.status_history[-1].reason.startswith("DataDiffers: The data have changed since they were")


def test_a_product_that_is_removed_already_is_not_checked(
    client: Client, archived: Make, validate: Work, ingest: Work, remove: Work
) -> None:
    made = archived()
    kept = path_of(products_of(client, made)[1])
    before = kept.read_bytes()
    kept.write_bytes(before + b"more")
    with pytest.raises(RemoveError):
        remove(made)
    assert statuses(client, made) == ["removed", "archived", "removed"]
    kept.write_bytes(before)
    client.act(made.taskID, Action.CHECK)
    validate(made)
    assert statuses(client, made) == ["removed", "archived", "removed"]
    ingest(made)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3
    assert client.observation(made.taskID).my_status is Status.REMOVED


def test_an_observation_whose_products_are_all_removed_can_be_checked(
    client: Client, archived: Make, validate: Work, ingest: Work, remove: Work, sql: Sql
) -> None:
    made = archived()
    remove(made)
    sql("update observations set status = 'remove error'")
    client.act(made.taskID, Action.CHECK)
    for work in (validate, ingest, remove):
        work(made)
    assert client.observation(made.taskID).my_status is Status.REMOVED


def test_missing_data_on_another_disk_are_not_called_invalid(
    client: Client, validated: Make, validate: Work, data_root: Path
) -> None:
    made = validated(products=1)
    client.move(made.taskID, Status.COMPLETING, force=True, reason="once more")
    (data_root / "wcudata1").rename(data_root / "first")
    (data_root / "wcudata1" / "data").mkdir(parents=True)
    with pytest.raises(Exception, match="the disk that is mounted now has no identity"):
        validate(made)
    assert statuses(client, made) == ["valid"]
    assert last(client, made)[0] == "incomplete"


def test_checksums_of_the_version_before_which_counted_lock_files_still_count(
    client: Client, written: Make, validate: Work, ingest: Work, remove: Work, sql: Sql
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    (path / "table.lock").write_bytes(b"lock")
    validate(made)
    sql(
        "update dataproducts set identity = null, disk = null, size = 1014, checksum = :checksum",
        checksum=product_checksum(records_of(path)),
    )
    ingest(made)
    client.act(made.taskID, Action.CHECK)
    validate(made)
    assert statuses(client, made) == ["archived"]
    ingest(made)
    sql("update dataproducts set identity = null, disk = null")
    remove(made)
    assert statuses(client, made) == ["removed"]


@pytest.mark.parametrize("action", [Action.CHECK, Action.INGEST])
def test_data_that_an_operator_has_ingested_are_ingested_again_without_another_request(
    client: Client, validated: Make, ingest: Work, action: Action
) -> None:
    made = validated(skip_auto_ingest=True)
    client.act(made.taskID, Action.INGEST)
    ingest(made)
    client.act(made.taskID, action, reason="the data were flagged")
    ValidateProductsOperator(task_id="validate").carry_out(made.taskID, "validate/run 2", Attempt())
    assert last(client, made)[0] == "valid"


@pytest.mark.parametrize("are_equal", [True, False])
def test_data_that_come_back_after_their_removal_never_replace_the_only_copy_by_others(
    client: Client, written: Make, validate: Work, ingest: Work, remove: Work, archive_root: Path, are_equal: bool
) -> None:
    made = written(products=1)
    validate(made)
    ingest(made)
    remove(made)
    (product,) = products_of(client, made)
    copy = in_archive(archive_root, made) / product.filename
    before = product_checksum(records_of(copy))
    shutil.copytree(copy, path_of(product))
    if not are_equal:
        (path_of(product) / "table.dat").write_bytes(b"processed again")
    client.move(made.taskID, Status.COMPLETING, force=True, reason="restored")
    client.change_dataproduct(product.id, new_status="defined", force=True, reason="restored")
    validate(made)
    (product,) = products_of(client, made)
    assert product.my_status == ("valid" if are_equal else "invalid")
    if are_equal:
        ingest(made)
        remove(made)
    else:
        assert has_code(product.status_history[-1].reason, ReasonCode.DATA_DIFFERS)
        assert last(client, made)[0] == "incomplete"
    assert product_checksum(records_of(copy)) == before


def test_a_product_with_data_is_not_deleted_from_atdb_because_it_was_forced_to_be_defined(
    client: Client, validated: Make
) -> None:
    made = validated(products=1)
    (product,) = products_of(client, made)
    client.move(made.taskID, Status.COMPLETING, force=True, reason="check it again")
    client.change_dataproduct(product.id, new_status="defined", force=True, reason="check it again")
    with pytest.raises(Conflict, match="because it has data"):
        client.delete_dataproduct(product.id)
    assert statuses(client, made) == ["defined"]
