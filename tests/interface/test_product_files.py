"""A product is opened so that nothing outside it is read, and a change during the reading is noticed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.checksum import NotAProductError, product_checksum
from atdb_interface.product_files import (
    FileKind,
    FileState,
    ProductChangedError,
    identity_of,
    open_product,
    size_of,
)
from atdb_interface.reason_codes import ReasonCode
from tests.file_records import records_of

LATER = 60_000_000_000


@pytest.fixture
def measurement_set(tmp_path: Path) -> Path:
    product = tmp_path / "WSRTA190405034_B000.MS"
    (product / "ANTENNA").mkdir(parents=True)
    (product / "table.dat").write_bytes(b"main")
    (product / "table.lock").write_bytes(b"lock")
    (product / "ANTENNA" / "table.dat").write_bytes(b"antennas")
    (product / "ANTENNA" / "table.lock").write_bytes(b"lock")
    return product


def listed(path: Path) -> list[FileState]:
    with open_product(path) as product:
        return product.entries()


def identity(path: Path) -> str:
    return identity_of(listed(path))


def test_the_files_of_a_product_are_listed_with_what_is_data(measurement_set: Path) -> None:
    with open_product(measurement_set) as product:
        assert product.kind is FileKind.DIRECTORY
        assert [(file.path, file.size, file.is_data) for file in product.files()] == [
            ("ANTENNA/table.dat", 8, True),
            ("ANTENNA/table.lock", 4, False),
            ("table.dat", 4, True),
            ("table.lock", 4, False),
        ]
        entries = product.entries()
        assert [entry.path for entry in entries if entry.kind is FileKind.DIRECTORY] == ["", "ANTENNA"]
        assert size_of(entries) == 12
        assert [record.path for record in product.records()] == ["ANTENNA/table.dat", "table.dat"]


def test_the_checksum_is_that_of_the_system_without_the_lock_files(measurement_set: Path) -> None:
    command = "find . -type f ! -name table.lock -print0 | LC_ALL=C sort -z | xargs -r0 sha256sum | sha256sum"
    done = subprocess.run(["bash", "-c", command], cwd=measurement_set, capture_output=True, text=True, check=True)
    with open_product(measurement_set) as product:
        assert product_checksum(product.records()) == done.stdout.split()[0]
    (measurement_set / "table.lock").unlink()
    (measurement_set / "ANTENNA" / "table.lock").unlink()
    assert product_checksum(records_of(measurement_set)) == done.stdout.split()[0]


def test_a_lock_file_is_data_where_it_is_no_part_of_a_measurement_set(tmp_path: Path) -> None:
    for path in (tmp_path / "table.lock", tmp_path / "other" / "table.lock"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"12345")
        product = path if path.parent == tmp_path else path.parent
        assert size_of(listed(product)) == 5


def test_a_file_is_one_product(tmp_path: Path) -> None:
    path = tmp_path / "ARTS190405034.fits"
    path.write_bytes(b"12345")
    with open_product(path) as product:
        (file,) = product.files()
        assert (file.path, file.kind, file.size) == ("", FileKind.FILE, 5)
        for _ in range(2):
            with product.open(file) as reader:
                assert reader.read() == b"12345"
        assert product.records() == records_of(path)


def rewrite(path: Path) -> None:
    """Write other bytes of the same number, and restore the time of the last modification."""
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes": lambda product: rewrite(product / "table.dat"),
    "size": lambda product: (product / "table.dat").write_bytes(b"mai"),
    "time": lambda product: os.utime(product / "table.dat", ns=(LATER, LATER)),
    "another file": lambda product: (product / "ANTENNA" / "new").touch(),
    "a file fewer": lambda product: (product / "ANTENNA" / "table.dat").unlink(),
    "a name": lambda product: (product / "table.dat").rename(product / "table.f0"),
    "an empty directory": lambda product: (product / "EMPTY").mkdir(),
    "another file of the same content": lambda product: _copy_over(product / "table.dat"),
}


def _copy_over(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_changes_the_identity(measurement_set: Path, change: str) -> None:
    before = identity(measurement_set)
    assert identity(measurement_set) == before
    CHANGES[change](measurement_set)
    assert identity(measurement_set) != before


def test_a_lock_file_that_changes_does_not_change_the_identity(measurement_set: Path) -> None:
    before = identity(measurement_set)
    (measurement_set / "table.lock").write_bytes(b"longer than before")
    assert identity(measurement_set) == before


def test_a_rename_changes_only_one_time(measurement_set: Path) -> None:
    before = listed(measurement_set)
    aside = measurement_set.rename(measurement_set.with_name("aside"))
    with open_product(aside, name=measurement_set.name) as product:
        after = product.entries()
    assert identity_of(after, top_ctime_ns=before[0].ctime_ns) == identity_of(before)


def test_a_product_that_is_open_stays_the_same_when_another_takes_its_name(measurement_set: Path) -> None:
    with open_product(measurement_set) as product:
        product.entries()
        measurement_set.rename(measurement_set.with_name("renamed"))
        measurement_set.mkdir()
        (measurement_set / "table.dat").write_bytes(b"evil")
        with product.open("table.dat") as reader:
            assert reader.read() == b"main"


def _swap_directory(product: Path, secret: Path) -> None:
    (product / "ANTENNA").rename(product.with_name("away"))
    (product / "ANTENNA").symlink_to(secret)


def _swap_file(product: Path, secret: Path) -> None:
    (product / "ANTENNA" / "table.dat").unlink()
    (product / "ANTENNA" / "table.dat").symlink_to(secret / "table.dat")


def _swap_for_a_pipe(product: Path, _: Path) -> None:
    (product / "ANTENNA" / "table.dat").unlink()
    os.mkfifo(product / "ANTENNA" / "table.dat")


def _swap_for_another_file(product: Path, secret: Path) -> None:
    os.link(secret / "table.dat", product / "ANTENNA" / "new")
    (product / "ANTENNA" / "new").rename(product / "ANTENNA" / "table.dat")


@pytest.mark.parametrize("swap", [_swap_directory, _swap_file, _swap_for_a_pipe, _swap_for_another_file])
def test_what_is_put_in_place_of_a_listed_file_is_not_read(
    measurement_set: Path, tmp_path: Path, swap: Callable[[Path, Path], None]
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "table.dat").write_bytes(b"secret: ")  # as long as the listed file
    with open_product(measurement_set) as product:
        product.files()
        swap(measurement_set, secret)
        with pytest.raises(ProductChangedError), product.open("ANTENNA/table.dat") as reader:
            assert reader.read() == b"never read"


def test_a_file_that_changes_while_it_is_read_is_noticed(measurement_set: Path) -> None:
    with open_product(measurement_set) as product:
        product.files()
        reading = product.open("table.dat")
        with reading as reader:
            assert reader.read() == b"main"
        reading = product.open("table.dat")
        assert reading.__enter__().read() == b"main"
        rewrite(measurement_set / "table.dat")
        with pytest.raises(ProductChangedError):
            reading.__exit__(None, None, None)


def test_a_link_on_the_way_to_a_product_is_not_followed(measurement_set: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(measurement_set)
    with pytest.raises(NotAProductError, match="contains a symbolic link") as refused:
        listed(tmp_path / "link" / "ANTENNA")
    assert refused.value.code == ReasonCode.LINK_IN_PATH
    with pytest.raises(NotAProductError, match="link is neither a file nor a directory"):
        listed(tmp_path / "link")
    with pytest.raises(FileNotFoundError):
        listed(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["a directory", "a file"])
def test_another_mount_inside_a_product_is_refused_although_it_is_the_same_disk(
    measurement_set: Path, tmp_path: Path, mount: Callable[[Path, Path], None], kind: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    inside = measurement_set / "ANTENNA"
    if kind == "a directory":
        elsewhere.mkdir()
        (elsewhere / "precious").write_bytes(b"x")
    else:
        elsewhere.write_bytes(b"x")
        inside /= "table.dat"
    with open_product(measurement_set) as product:
        product.entries()
        mount(elsewhere, inside)
        with pytest.raises((NotAProductError, ProductChangedError)), product.open("ANTENNA/table.dat"):
            pass
        with pytest.raises(NotAProductError, match="is on another file system") as refused:
            product.entries()
    assert refused.value.code == ReasonCode.OTHER_FILE_SYSTEM


def test_directories_without_end_are_refused(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    (deep / Path(*["d"] * 150)).mkdir(parents=True)
    with pytest.raises(NotAProductError, match="more than 100 levels"):
        listed(deep)
