"""Products in the archive are complete and verified, or do not exist."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from pydantic import ValidationError

from atdb_interface.actions import Action
from atdb_interface.checksum import CHUNK_BYTES, FileRecord, directory_checksum, product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.observations import Observation
from atdb_interface.product_files import ProductChangedError, identity_of, open_product
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.copies import StoredCopy
from atdb_plugins.archive.folder import ArchiveError, ArchiveFolder
from atdb_plugins.archive.partial_files import PartialFile, new_part, new_replaced
from atdb_plugins.archive.publication import publish
from tests.archive_servers import bucket, sftp_server

NAME = "WSRTA190405034_B000.MS"
Make = Callable[..., Path]


class LyingFileSystem(LocalFileSystem):
    """A local disk that changes the first byte that is written or read."""

    protocol = ("lying",)
    lies_on: ClassVar[str] = "w"

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        file = super()._open(path, mode, **kwargs)
        if self.lies_on in mode:
            method = "write" if self.lies_on == "w" else "read"
            honest = getattr(file, method)
            if method == "write":
                file.write = lambda data: honest(_changed(data))  # type: ignore[method-assign]
            else:
                file.read = lambda *size: _changed(honest(*size))  # type: ignore[method-assign]
        return file


def _changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:] if data else data


fsspec.register_implementation("lying", LyingFileSystem, clobber=True)


@pytest.fixture(params=["file", "memory", "s3", "sftp"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    match request.param:
        case "memory":
            yield Archive.open(f"memory://{uuid4().hex}")
            fsspec.filesystem("memory").store.clear()
        case "s3":
            url, options = bucket(request.getfixturevalue("s3_options"))
            yield Archive.open(url, **options)
        case "sftp":
            (tmp_path / "alta").mkdir()
            with sftp_server(tmp_path) as (url, options):
                yield Archive.open(url, **options)
        case _:
            (tmp_path / "alta").mkdir()
            yield Archive.open((tmp_path / "alta").as_uri())


@pytest.fixture
def local(tmp_path: Path) -> Archive:
    (tmp_path / "alta").mkdir(exist_ok=True)
    return Archive.open((tmp_path / "alta").as_uri())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A MeasurementSet with subfolders, odd names, an empty file, and a file that is longer than a chunk."""
    product = tmp_path / "data" / NAME
    for name, content in {
        "table.dat": b"main",
        "SPECTRAL_WINDOW/table.f0": os.urandom(CHUNK_BYTES + 7),
        "SPECTRAL_WINDOW/table.lock": b"who has it open",
        "SPECTRAL_WINDOW/empty": b"",
        "odd [1]*/café.dat": b"odd",
    }.items():
        (product / name).parent.mkdir(parents=True, exist_ok=True)
        (product / name).write_bytes(content)
    return product


def data(product: Path) -> list[FileRecord]:
    """Return the records of the files that are data, all but `table.lock`."""
    return [record for record in records_of(product) if not record.path.endswith("table.lock")]


def checksum(product: Path) -> str:
    return product_checksum(data(product))


def size_of(product: Path) -> int:
    return sum(record.size for record in data(product))


def identity(product: Path) -> str:
    with open_product(product) as opened:
        return identity_of(opened.entries())


def forget(_: int) -> None:
    """Count nothing."""


def folder_of(archive: Archive) -> ArchiveFolder:
    return ArchiveFolder(archive.filesystem, archive.root, f"{archive.root}/apertif_main/190405034")


def store(archive: Archive, source: Path, *, expected: str | None = None, **more: Any) -> Any:
    return folder_of(archive).store(source, source.name, checksum=expected or checksum(source), **more)


def leave_part(archive: Archive, source: Path) -> Path:
    """Write as an attempt that is killed at the worst moment: all is written, and nothing is published."""
    part = Path(folder_of(archive).path, f".{source.name}.0123456789ab.part")
    shutil.copytree(source, part)
    return part


def everything(archive: Archive) -> list[str]:
    return list(archive.filesystem.find(archive.root))


def test_a_directory_comes_back_byte_for_byte(archive: Archive, source: Path) -> None:
    final = f"{folder_of(archive).path}/{NAME}"
    assert store(archive, source) == data(source)
    assert StoredCopy.look(archive.filesystem, final, NAME).read(forget) == records_of(source)
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    kept = {path.removeprefix(f"{final}/"): archive.filesystem.cat_file(path) for path in everything(archive)}
    assert kept == {p.relative_to(source).as_posix(): p.read_bytes() for p in source.rglob("*") if p.is_file()}


def test_a_file_comes_back_byte_for_byte(archive: Archive, tmp_path: Path) -> None:
    source = tmp_path / "ARTS190530001.fits"
    source.write_bytes(os.urandom(CHUNK_BYTES + 1))
    (record,) = store(archive, source)
    assert (record.path, record.size, record.sha256) == ("", CHUNK_BYTES + 1, checksum(source))
    assert everything(archive) == [f"{folder_of(archive).path}/{source.name}"]
    assert archive.filesystem.cat_file(everything(archive)[0]) == source.read_bytes()


def test_what_is_no_longer_what_was_validated_leaves_nothing_behind(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "table.dat").write_bytes(b"Main")
    with pytest.raises(ArchiveError, match="has changed since it was validated"):
        store(archive, source, expected=validated)
    assert everything(archive) == []


def test_a_source_that_is_gone_or_holds_a_link_is_not_stored(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        store(archive, source, expected=validated)
    with pytest.raises(FileNotFoundError):
        store(archive, source.with_name("gone.MS"), expected=validated)
    assert everything(archive) == []


@pytest.mark.parametrize("lies_on", ["w", "r"])
def test_an_archive_that_gives_back_other_bytes_never_gives_them_the_name(
    local: Archive, source: Path, monkeypatch: pytest.MonkeyPatch, lies_on: str
) -> None:
    monkeypatch.setattr(LyingFileSystem, "lies_on", lies_on)
    lying = Archive(LyingFileSystem(), local.root)
    with pytest.raises(ArchiveError, match="returned other bytes"):
        store(lying, source)
    assert everything(local) == []


def test_what_was_stored_and_later_changes_is_found_out(archive: Archive, source: Path) -> None:
    store(archive, source)
    expected = checksum(source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rotten")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, expected)
    archive.filesystem.rm(f"{folder_of(archive).path}/{NAME}", recursive=True)
    with pytest.raises(ArchiveError, match="is not in the archive"):
        folder_of(archive).verify(NAME, expected)


def test_what_a_dead_attempt_left_does_not_matter_and_is_deleted(local: Archive, source: Path) -> None:
    part = leave_part(local, source)
    (part / "of another try").write_bytes(b"x")
    assert [left.path for left in folder_of(local).partial_files()] == [str(part)]
    store(local, source)
    assert [path.name for path in Path(folder_of(local).path).iterdir()] == [NAME]
    folder_of(local).verify(NAME, checksum(source))


def test_an_attempt_that_is_stopped_leaves_nothing_behind(archive: Archive, source: Path) -> None:
    size = sum(record.size for record in records_of(source))

    class Stopped(BaseException):
        pass

    for limit in (1, size - 20, size + 1, 2 * size - 1):
        done = 0

        def advance(n_bytes: int, limit: int = limit) -> None:
            nonlocal done
            done += n_bytes
            if done >= limit:
                raise Stopped

        with pytest.raises(Stopped):
            store(archive, source, advance=advance)
        assert everything(archive) == []
    store(archive, source, advance=lambda _: None)


def test_of_a_publication_and_a_deletion_of_one_part_only_one_happens(local: Archive, source: Path) -> None:
    folder = folder_of(local).path
    part = leave_part(local, source)

    def publish_now() -> None:
        publish(local.filesystem, str(part), f"{folder}/{NAME}", local.root, new_replaced(folder, NAME))

    class SlowlyDeletingFileSystem(LocalFileSystem):
        def rm(self, path: str, *arguments: Any, **options: Any) -> None:
            (next(Path(path).rglob("table.dat"))).unlink()  # half of it is lost
            with pytest.raises(FileNotFoundError):
                publish_now()
            super().rm(path, *arguments, **options)

    PartialFile(SlowlyDeletingFileSystem(), str(part)).delete()
    assert everything(local) == []
    part = leave_part(local, source)
    publish_now()
    PartialFile(local.filesystem, str(part)).delete()
    folder_of(local).verify(NAME, checksum(source))


def test_two_attempts_at_once_end_with_the_whole_product(local: Archive, source: Path) -> None:
    def attempt(_: int) -> bool:
        try:
            store(local, source)
        except (ArchiveError, OSError):
            return False
        return True

    for _ in range(10):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(attempt, range(3)))
        if Path(folder_of(local).path, NAME).exists():
            folder_of(local).verify(NAME, checksum(source))
        assert attempt(0)
        folder_of(local).verify(NAME, checksum(source))
        assert [path.name for path in Path(folder_of(local).path).iterdir()] == [NAME]
        shutil.rmtree(Path(folder_of(local).path, NAME))


def test_leftovers_in_a_folder_are_found_and_deleted(archive: Archive, source: Path) -> None:
    store(archive, source)
    file = f"{folder_of(archive).path}/.other.fits.0123456789ab.part"
    archive.filesystem.pipe_file(file, b"x")
    directory = f"{folder_of(archive).path}/.{NAME}.ba9876543210.part"
    archive.filesystem.makedirs(directory)
    archive.filesystem.pipe_file(f"{directory}/table.dat", b"x")
    leftovers = folder_of(archive).partial_files()
    assert sorted(leftover.path for leftover in leftovers) == [directory, file]
    for leftover in leftovers:
        leftover.delete()
    assert folder_of(archive).partial_files() == []
    with pytest.raises(ValueError, match="is no part"):
        PartialFile(archive.filesystem, f"{folder_of(archive).path}/{NAME}")
    folder_of(archive).verify(NAME, checksum(source))


def test_the_size_of_a_copy_is_that_of_its_files(archive: Archive, source: Path) -> None:
    assert folder_of(archive).size(NAME) is None
    store(archive, source)
    assert folder_of(archive).size(NAME) == size_of(source)
    assert folder_of(archive).size(NAME, expected=5) == size_of(source)
    of_all_files = sum(record.size for record in records_of(source))
    assert folder_of(archive).size(NAME, expected=of_all_files) == of_all_files > size_of(source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/x.fits", b"four")
    assert folder_of(archive).size("x.fits") == 4


def test_an_archive_that_is_gone_is_told_from_one_product_that_fails(local: Archive) -> None:
    local.require()
    Path(local.root).rename(f"{local.root} unmounted")
    with pytest.raises(ArchiveError, match="does not exist"):
        local.require()


def test_what_is_there_already_is_not_copied_again(local: Archive, source: Path) -> None:
    store(local, source)
    stored = Path(folder_of(local).path) / NAME / "table.dat"
    before = stored.stat()
    assert store(local, source) == data(source)
    assert (stored.stat().st_ino, stored.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_wrong_product_stays_until_the_right_one_is_whole(
    local: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Path(folder_of(local).path) / NAME
    wrong.mkdir(parents=True)
    (wrong / "table.dat").write_bytes(b"of another observation")
    (wrong / "more.dat").write_bytes(b"more")
    with pytest.raises(ArchiveError):
        store(local, source, expected="0" * 64)
    monkeypatch.setattr(LyingFileSystem, "lies_on", "w")
    with pytest.raises(ArchiveError):
        store(Archive(LyingFileSystem(), local.root), source)
    assert (wrong / "table.dat").read_bytes() == b"of another observation"
    store(local, source)
    assert records_of(wrong) == records_of(source)


def test_an_archive_that_cannot_be_written_or_is_not_there_raises(local: Archive, source: Path) -> None:
    Path(local.root, "apertif_main").write_bytes(b"a file in place of the folder")
    with pytest.raises(OSError, match="apertif_main"):
        store(local, source)
    with pytest.raises(ArchiveError, match="does not exist"):
        Archive.open(f"file://{local.root}/not mounted")
    assert not Path(local.root, "not mounted").exists()


@pytest.mark.parametrize("name", ["*", "B[0].fits", "?.fits", "manifest.json", ".hidden", ".B.fits.0123.part"])
def test_a_name_that_the_archive_would_misunderstand_is_no_products_name(name: str) -> None:
    with pytest.raises(ValidationError, match="filename"):
        NewDataProduct(taskID="190405034", filename=name)


def measurement_sets(client: Client, observation: Observation) -> list[DataProduct]:
    names = [f"{observation.taskID}_{number}.MS" for number in range(2)]
    client.create_dataproducts([NewDataProduct(taskID=observation.taskID, filename=name) for name in names])
    return list(client.dataproducts(taskID=observation.taskID, ordering="filename"))


def test_the_manifest_agrees_with_sha256sum_on_the_archives_own_files(
    local: Archive, source: Path, client: Client, observe: Callable[..., Observation]
) -> None:
    observation = observe(irods_collection="/apertif_main/wcudata/", options={"ndps": "2"})
    products = measurement_sets(client, observation)
    folder = local.folder(products)
    assert folder.path == f"{local.root}/apertif_main/wcudata/{observation.taskID}"
    files = [(product, folder.store(source, product.filename, checksum=checksum(source))) for product in products]
    folder.write_manifest(observation, files)
    manifest = json.loads((Path(folder.path) / "manifest.json").read_text())
    listing = "".join(
        f"{file['sha256']}  {product['filename']}/{file['path']}\n"
        for product in manifest["products"]
        for file in product["files"]
    )
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet"], cwd=folder.path, input=listing.encode(), check=True
    )
    on_disk = sum(
        path.is_file() and path.name != "table.lock"
        for product in products
        for path in Path(folder.path, product.filename).rglob("*")
    )
    assert len(listing.splitlines()) == on_disk == 8
    assert {product["checksum"] for product in manifest["products"]} == {checksum(source)}
    assert manifest["observation"]["taskID"] == observation.taskID
    assert manifest["observation"]["options"] == {"ndps": "2"}
    assert folder.read_manifest() == {product.filename: records for product, records in files}


def test_a_new_manifest_replaces_the_old_one_whole(
    archive: Archive, client: Client, observe: Callable[..., Observation], source: Path
) -> None:
    observation = observe()
    products = measurement_sets(client, observation)
    folder = archive.folder(products)
    assert folder.read_manifest() == {}
    files = [(product, folder.store(source, product.filename, checksum=checksum(source))) for product in products]
    for count in (1, 2):
        folder.write_manifest(observation, files[:count])
        assert len(folder.read_manifest()) == count
    assert not [path for path in everything(archive) if path.endswith(".part")]


def test_the_manifest_follows_edits_of_the_specification_only(
    archive: Archive, client: Client, observe: Callable[..., Observation], source: Path
) -> None:
    observation = observe()
    products = measurement_sets(client, observation)
    folder = archive.folder(products)
    assert not folder.update_manifest(observation)
    assert folder.has_current_manifest(observation)
    files = [(product, folder.store(source, product.filename, checksum=checksum(source))) for product in products]
    folder.write_manifest(observation, files)
    client.act(observation.taskID, Action.HOLD, reason="not a part of the specification")
    assert folder.has_current_manifest(client.observation(observation.taskID))
    assert not folder.update_manifest(client.observation(observation.taskID))

    edited = client.change_observation(observation.id, field_name="M31, north")
    assert not folder.has_current_manifest(edited)
    assert folder.update_manifest(edited)
    assert not folder.update_manifest(edited)
    manifest = json.loads(archive.filesystem.cat_file(f"{folder.path}/manifest.json"))
    assert manifest["observation"]["field_name"] == "M31, north"
    assert folder.read_manifest() == {product.filename: records for product, records in files}


def test_a_manifest_that_a_run_writes_meanwhile_is_not_overwritten(
    archive: Archive, client: Client, observe: Callable[..., Observation], source: Path
) -> None:
    observation = observe()
    products = measurement_sets(client, observation)
    folder = archive.folder(products)
    files = [(product, folder.store(source, product.filename, checksum=checksum(source))) for product in products]
    folder.write_manifest(observation, files[:1])
    edited = client.change_observation(observation.id, field_name="M31")
    updates = 0

    class Ingesting(ArchiveFolder):
        """A folder whose manifest a run replaces directly before the update."""

        def _write_manifest(self, content: bytes, confirm: Callable[[], None]) -> None:
            nonlocal updates
            updates += 1
            folder.write_manifest(observation, files)
            super()._write_manifest(content, confirm)

    with pytest.raises(ArchiveError, match="has changed meanwhile"):
        Ingesting(archive.filesystem, archive.root, folder.path).update_manifest(edited)
    assert updates == 1
    assert folder.read_manifest().keys() == {product.filename for product in products}
    assert not [path for path in everything(archive) if path.endswith(".part")]


def test_a_run_that_has_lost_its_lease_does_not_replace_the_manifest(
    archive: Archive, client: Client, observe: Callable[..., Observation]
) -> None:
    observation = observe(products=1)
    folder = archive.folder(client.dataproducts(taskID=observation.taskID))
    archive.filesystem.makedirs(folder.path, exist_ok=True)
    folder.write_manifest(observation, [])
    before = archive.filesystem.cat_file(f"{folder.path}/manifest.json")

    def lost() -> None:
        raise PermissionError("another run has the lease")

    edited = client.change_observation(observation.id, field_name="M31")
    with pytest.raises(PermissionError):
        folder.write_manifest(edited, [], confirm=lost)
    assert archive.filesystem.cat_file(f"{folder.path}/manifest.json") == before
    assert everything(archive) == [f"{folder.path}/manifest.json"]


@pytest.mark.parametrize(
    ("location", "filename"),
    [
        (None, "a.fits"),
        ("a.fits", "a.fits"),
        ("190405034/a.fits", "a.fits"),
        ("../190405034/a.fits", "a.fits"),
        ("main/../../190405034/a.fits", "a.fits"),
        ("main/./190405034/a.fits", "a.fits"),
        ("main/190405035/a.fits", "a.fits"),
        ("main/190405034/b.fits", "a.fits"),
        ("main/190405034/a.fits/b.fits", "b.fits"),
        ("main/190405034/..", ".."),
        ("main/190405034/a\0.fits", "a\0.fits"),
    ],
)
def test_a_place_that_atdb_does_not_assign_is_not_used(
    local: Archive, location: str | None, filename: str
) -> None:
    product = DataProduct.model_construct(taskID="190405034", filename=filename, archive_location=location)
    with pytest.raises(ArchiveError, match="which ATDB does not assign"):
        local.folder([product])


def test_the_products_of_an_observation_have_one_folder(local: Archive) -> None:
    def placed(collection: str, name: str) -> DataProduct:
        location = f"{collection}/190405034/{name}"
        return DataProduct.model_construct(taskID="190405034", filename=name, archive_location=location)

    assert local.folder([placed("a/b", "1.fits"), placed("a/b", "2.fits")]).path == f"{local.root}/a/b/190405034"
    for products in ([], [placed("a", "1.fits"), placed("b", "2.fits")]):
        with pytest.raises(ArchiveError, match="folders in the archive instead of one"):
            local.folder(products)


def listing_of(source: Path) -> bytes:
    """Return the text whose SHA-256 is the checksum of a directory."""
    return "".join(f"{record.sha256}  ./{record.path}\n" for record in data(source)).encode()


def put(archive: Archive, path: str, content: bytes) -> None:
    if archive.filesystem.protocol != "memory":  # there, a directory stays when its last file is deleted
        archive.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    archive.filesystem.pipe_file(path, content)


def test_a_file_with_the_listing_of_a_directory_is_no_copy_of_it(archive: Archive, source: Path) -> None:
    folder = folder_of(archive)
    put(archive, f"{folder.path}/{NAME}", listing_of(source))
    with pytest.raises(ArchiveError, match="a file instead of a directory") as refusal:
        folder.verify(NAME, checksum(source))
    assert refusal.value.code == ReasonCode.ARCHIVE_COPY_WRONG
    assert folder.size(NAME) is None
    assert store(archive, source) == data(source)
    folder.verify(NAME, checksum(source), size=size_of(source))


def test_a_directory_is_no_copy_of_a_file(archive: Archive, tmp_path: Path) -> None:
    source = tmp_path / "a.fits"
    source.write_bytes(b"data")
    folder = folder_of(archive)
    put(archive, f"{folder.path}/a.fits/data", b"data")
    with pytest.raises(ArchiveError, match="a directory instead of a file"):
        folder.verify("a.fits", directory_checksum([("data", checksum(source))]))
    assert folder.size("a.fits") is None
    store(archive, source)
    folder.verify("a.fits", checksum(source), size=4)
    assert everything(archive) == [f"{folder.path}/a.fits"]


def test_an_empty_directory_is_no_copy_of_anything(local: Archive, source: Path) -> None:
    folder = folder_of(local)
    (Path(folder.path) / NAME / "SPECTRAL_WINDOW").mkdir(parents=True)
    with pytest.raises(ArchiveError, match="is an empty directory in the archive"):
        folder.verify(NAME, directory_checksum([]), size=0)
    assert folder.size(NAME) is None
    (Path(folder.path) / NAME / "table.dat").touch()
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder.verify(NAME, product_checksum(records_of(Path(folder.path) / NAME)), size=0)
    assert store(local, source) == data(source)


def test_a_copy_of_another_size_is_wrong_before_it_is_read(archive: Archive, source: Path) -> None:
    store(archive, source)
    read = 0

    def count(n_bytes: int) -> None:
        nonlocal read
        read += n_bytes

    with pytest.raises(ArchiveError, match=f"it has {size_of(source)} bytes instead of 7"):
        folder_of(archive).verify(NAME, checksum(source), count, size=7)
    assert read == 0
    folder_of(archive).verify(NAME, checksum(source), count, size=size_of(source))
    assert read == sum(record.size for record in records_of(source))


@pytest.mark.parametrize("place", ["", "table.dat", "SPECTRAL_WINDOW"])
def test_a_link_in_the_archive_is_no_copy(local: Archive, source: Path, place: str) -> None:
    store(local, source)
    copy = Path(folder_of(local).path) / NAME
    linked = copy / place
    linked.rename(linked.with_name("elsewhere") if place else Path(local.root) / "elsewhere")
    linked.symlink_to(source / place)
    with pytest.raises(ArchiveError, match="a link instead of"):
        folder_of(local).verify(NAME, checksum(source))


def test_a_file_more_or_less_in_the_archive_is_found(archive: Archive, source: Path) -> None:
    store(archive, source)
    copy = f"{folder_of(archive).path}/{NAME}"
    archive.filesystem.pipe_file(f"{copy}/more.dat", b"")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    archive.filesystem.rm_file(f"{copy}/more.dat")
    folder_of(archive).verify(NAME, checksum(source))
    archive.filesystem.rm_file(f"{copy}/SPECTRAL_WINDOW/empty")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, checksum(source), size=size_of(source))


def test_files_that_are_not_data_are_copied_and_not_compared(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "SPECTRAL_WINDOW" / "table.lock").write_bytes(b"opened by another program since")
    store(archive, source, expected=validated)
    lock = f"{folder_of(archive).path}/{NAME}/SPECTRAL_WINDOW/table.lock"
    assert archive.filesystem.cat_file(lock) == b"opened by another program since"
    archive.filesystem.pipe_file(lock, b"rotten")
    folder_of(archive).verify(NAME, validated, size=size_of(source))
    assert {record.path for record in store(archive, source)} == {record.path for record in data(source)}


def test_a_checksum_of_an_earlier_version_counts_all_files(archive: Archive, source: Path) -> None:
    former, size = product_checksum(records_of(source)), sum(record.size for record in records_of(source))
    for _ in range(2):
        assert store(archive, source, expected=former, size=size) == records_of(source)
        folder_of(archive).verify(NAME, former, size=size)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/SPECTRAL_WINDOW/table.lock", b"rotten")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, former)


def test_a_copy_that_is_there_does_not_hide_that_the_source_has_changed(archive: Archive, source: Path) -> None:
    validated, seen = checksum(source), identity(source)
    store(archive, source)
    (source / "table.dat").write_bytes(b"flag")  # as many bytes as before
    for identity_then in (None, seen, "0" * 64):
        with pytest.raises(ArchiveError, match="has changed since it was validated") as refusal:
            store(archive, source, expected=validated, size=size_of(source), identity=identity_then)
        assert refusal.value.code == ReasonCode.DATA_CHANGED
    folder_of(archive).verify(NAME, validated)  # the older copy stays until there is a newer one
    assert store(archive, source) == data(source)
    folder_of(archive).verify(NAME, checksum(source))


def test_a_source_that_was_touched_only_is_read_and_accepted(archive: Archive, source: Path) -> None:
    seen = identity(source)
    store(archive, source)
    read = 0

    def count(n_bytes: int) -> None:
        nonlocal read
        read += n_bytes

    once = sum(record.size for record in records_of(source))
    store(archive, source, identity=seen, advance=count)
    assert read == once  # of the archive
    os.utime(source / "table.dat", ns=(1, 1))
    read = 0
    store(archive, source, identity=seen, advance=count)
    assert read == 2 * once


def test_a_source_that_was_removed_before_does_not_matter_if_the_archive_has_it(
    archive: Archive, source: Path
) -> None:
    validated = checksum(source)
    records = store(archive, source)
    shutil.rmtree(source)
    assert store(archive, source, expected=validated) == records
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rott")
    with pytest.raises(FileNotFoundError):
        store(archive, source, expected=validated)


def test_a_rotten_copy_of_the_same_size_is_replaced(archive: Archive, source: Path) -> None:
    store(archive, source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rott")
    store(archive, source, size=size_of(source), identity=identity(source))
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    assert len(everything(archive)) == len(records_of(source))


def test_a_replaced_copy_keeps_nothing_of_the_older_one(archive: Archive, source: Path) -> None:
    (source / "old.dat").write_bytes(b"old")
    store(archive, source)
    (source / "old.dat").rename(source / "new.dat")
    store(archive, source)
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    kept = {path.removeprefix(f"{folder_of(archive).path}/{NAME}/") for path in everything(archive)}
    assert kept == {record.path for record in records_of(source)}


def test_a_file_of_the_source_that_becomes_a_link_is_not_followed(archive: Archive, source: Path) -> None:
    validated, once = checksum(source), False

    def replace(_: int) -> None:
        nonlocal once
        if not once:
            once = True
            (source / "table.dat").unlink()
            (source / "table.dat").symlink_to("/etc/passwd")

    with pytest.raises(ProductChangedError):
        store(archive, source, expected=validated, advance=replace)
    assert once
    assert everything(archive) == []


def test_a_source_that_grows_by_a_file_while_it_is_copied_is_not_stored(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    with pytest.raises(ArchiveError, match="has changed since it was validated"):
        store(archive, source, expected=validated, advance=lambda _: (source / "more.dat").touch())
    assert everything(archive) == []


@pytest.mark.parametrize("name", [f"{'x' * 252}.MS", f"{'é' * 126}.MS", f"{'x' * 226}.MS", f"{'x' * 227}.MS"])
def test_hidden_names_have_room_on_a_disk_and_belong_to_one_name(local: Archive, source: Path, name: str) -> None:
    for make in (new_part, new_replaced):
        hidden = make("/x", name).removeprefix("/x/")
        assert len(os.fsencode(hidden)) <= 255
        assert PartialFile(local.filesystem, f"/x/{hidden}").is_of(name)
        assert not PartialFile(local.filesystem, f"/x/{hidden}").is_of(f"{name[:-4]}y.MS")
    product = source.rename(source.with_name(name))
    store(local, product)
    folder_of(local).verify(name, checksum(product))


def test_a_replaced_copy_is_no_leftover_until_there_is_a_newer_one(local: Archive, source: Path) -> None:
    store(local, source)
    final = Path(folder_of(local).path, NAME)
    replaced = final.rename(new_replaced(folder_of(local).path, NAME))
    other = Path(new_replaced(folder_of(local).path, "other.MS"))
    shutil.copytree(source, other)
    assert folder_of(local).partial_files() == []
    shutil.copytree(source, final)
    assert [left.path for left in folder_of(local).partial_files()] == [str(replaced)]
    store(local, source)
    assert {path.name for path in final.parent.iterdir()} == {NAME, other.name}


@pytest.mark.parametrize("ending", ["part", "replaced"])
def test_a_complete_copy_that_a_killed_attempt_has_left_is_used(
    archive: Archive, source: Path, ending: str
) -> None:
    validated = checksum(source)
    store(archive, source)
    folder = folder_of(archive)
    left = f"{folder.path}/.{NAME}.0123456789ab.{ending}"
    publish(archive.filesystem, f"{folder.path}/{NAME}", left, archive.root, new_replaced(folder.path, "x"))
    shutil.rmtree(source)
    assert store(archive, source, expected=validated)
    folder.verify(NAME, validated)
    assert folder.partial_files() == []


def test_a_folder_that_is_empty_is_told_from_an_archive(archive: Archive, local: Archive) -> None:
    assert local.is_empty()
    put(archive, f"{archive.root}/main/x", b"x")
    assert not archive.is_empty()
