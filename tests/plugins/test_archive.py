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

from atdb_interface.checksum import CHUNK_BYTES, product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.observations import Observation
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.folder import ArchiveError, ArchiveFolder
from atdb_plugins.archive.partial_files import PartialFile, publish

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


@pytest.fixture(params=["file", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    if request.param == "memory":
        root = f"memory://{uuid4().hex}"
        yield Archive.open(root)
        fsspec.filesystem("memory").store.clear()
    else:
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
        "SPECTRAL_WINDOW/table.lock": b"",
        "odd [1]*/café.dat": b"odd",
    }.items():
        (product / name).parent.mkdir(parents=True, exist_ok=True)
        (product / name).write_bytes(content)
    return product


def checksum(product: Path) -> str:
    return product_checksum(records_of(product))


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
    records = store(archive, source)
    final = f"{folder_of(archive).path}/{NAME}"
    assert sorted(records, key=lambda r: r.path) == folder_of(archive).read(NAME) == records_of(source)
    folder_of(archive).verify(NAME, checksum(source))
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
def test_an_archive_that_returns_other_bytes_never_gives_them_the_name(
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
    (part / "of another attempt").write_bytes(b"x")
    assert [left.path for left in folder_of(local).partial_files()] == [str(part)]
    store(local, source)
    assert [path.name for path in Path(folder_of(local).path).iterdir()] == [NAME]
    folder_of(local).verify(NAME, checksum(source))


def test_an_attempt_that_is_stopped_leaves_nothing_behind(archive: Archive, source: Path) -> None:
    size = sum(record.size for record in records_of(source))

    class Stopped(BaseException):
        pass

    for limit in (1, size - 1, size + 1, 2 * size - 1):
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
    final = f"{folder_of(local).path}/{NAME}"
    part = leave_part(local, source)

    class SlowlyDeletingFileSystem(LocalFileSystem):
        def rm(self, path: str, *arguments: Any, **options: Any) -> None:
            (next(Path(path).rglob("table.dat"))).unlink()  # half of it is lost
            with pytest.raises(FileNotFoundError):
                publish(local.filesystem, str(part), final, local.root)
            super().rm(path, *arguments, **options)

    PartialFile(SlowlyDeletingFileSystem(), str(part)).delete()
    assert everything(local) == []
    part = leave_part(local, source)
    publish(local.filesystem, str(part), final, local.root)
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
    assert folder_of(archive).size(NAME) == sum(record.size for record in records_of(source))
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/x.fits", b"four")
    assert folder_of(archive).size("x.fits") == 4


def test_an_archive_that_does_not_respond_is_distinguished_from_a_product_that_fails(local: Archive) -> None:
    local.require()
    Path(local.root).rename(f"{local.root} unmounted")
    with pytest.raises(ArchiveError, match="does not exist"):
        local.require()


def test_what_is_there_already_is_not_copied_again(local: Archive, source: Path) -> None:
    store(local, source)
    stored = Path(folder_of(local).path) / NAME / "table.dat"
    before = stored.stat()
    assert sorted(store(local, source), key=lambda r: r.path) == records_of(source)
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


def test_the_manifest_agrees_with_sha256sum_on_the_archives_own_files(
    local: Archive, source: Path, client: Client, observe: Callable[..., Observation]
) -> None:
    observation = observe(products=2, irods_collection="/apertif_main/wcudata/", options={"ndps": "2"})
    folder = local.folder(observation)
    assert folder.path == f"{local.root}/apertif_main/wcudata/{observation.taskID}"
    products = list(client.dataproducts(taskID=observation.taskID))
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
        path.is_file() for product in products for path in Path(folder.path, product.filename).rglob("*")
    )
    assert len(listing.splitlines()) == on_disk == 8
    assert {product["checksum"] for product in manifest["products"]} == {checksum(source)}
    assert manifest["observation"]["taskID"] == observation.taskID
    assert manifest["observation"]["options"] == {"ndps": "2"}
    assert folder.read_manifest() == {product.filename: records for product, records in files}


def test_a_new_manifest_replaces_the_old_one_whole(
    archive: Archive, client: Client, observe: Callable[..., Observation], source: Path
) -> None:
    observation = observe(products=2)
    folder = archive.folder(observation)
    assert folder.read_manifest() == {}
    files = [
        (product, folder.store(source, product.filename, checksum=checksum(source)))
        for product in client.dataproducts(taskID=observation.taskID)
    ]
    for count in (1, 2):
        folder.write_manifest(observation, files[:count])
        assert len(folder.read_manifest()) == count
    assert not [path for path in everything(archive) if path.endswith(".part")]
