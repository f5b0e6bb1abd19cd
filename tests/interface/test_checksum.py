"""The checksum of a product equals that of the operating system's own tools."""

import os
import subprocess
from pathlib import Path

import pytest

from atdb_interface.checksum import FileRecord, directory_checksum, product_checksum
from atdb_interface.product_files import open_product

#: From the docstring of atdb_interface/checksum.py.
DIRECTORY = "find . -type f -print0 | LC_ALL=C sort -z | xargs -r0 sha256sum | sha256sum"

ODD_NAMES = (
    "table.dat", "a/b", "a.b/c", "a-b", "A", "two words", " leading", "-rf", "--help", "~", "#", "'", '"', "$HOME",
    "*", "[ab]", "café", "cafés/ø", "Ж", "日本", "\U0001f52d", "deep/er/and/deeper/x", ".hidden", "tab\there",
)  # fmt: skip


def tool(command: str, directory: Path) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def read_product(product: Path) -> list[FileRecord]:
    with open_product(product) as opened:
        return opened.records()


def make(product: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = product / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} {name}\n".encode("utf-8", "surrogateescape") * number)
    return product


def test_a_files_checksum_is_that_of_sha256sum(tmp_path: Path) -> None:
    product = tmp_path / "ARTS190530001.fits"
    product.write_bytes(os.urandom(3 * 1024 * 1024 + 1))
    (record,) = read_product(product)
    assert (record.path, record.size) == ("", 3 * 1024 * 1024 + 1)
    assert product_checksum([record]) == tool(f"sha256sum {product.name}", tmp_path)


def test_a_directorys_checksum_is_that_of_find_sort_and_sha256sum(tmp_path: Path) -> None:
    product = make(tmp_path / "WSRTA190405034_B000.MS", *ODD_NAMES, os.fsdecode(b"not utf-8 \xff\xfe"))
    records = read_product(product)
    assert len(records) == len(ODD_NAMES) + 1
    assert product_checksum(records) == tool(DIRECTORY, product)
    assert sum(record.size for record in records) == int(tool("find . -type f -exec cat {} + | wc -c", product))


def test_the_order_in_which_files_are_found_does_not_matter(tmp_path: Path) -> None:
    records = read_product(make(tmp_path / "p", *ODD_NAMES))
    entries = [(record.path, record.sha256) for record in records]
    assert directory_checksum(reversed(entries)) == directory_checksum(entries) == product_checksum(records)


@pytest.mark.parametrize("name", ["back\\slash", "new\nline", "carriage\rreturn", "\\n"])
def test_names_that_sha256sum_escapes_give_its_checksum_too(tmp_path: Path, name: str) -> None:
    product = make(tmp_path / "p", "a", name)
    assert product_checksum(read_product(product)) == tool(DIRECTORY, product)


def test_a_directory_of_one_file_is_not_that_file(tmp_path: Path) -> None:
    product = make(tmp_path / "p", "a", "b")
    (product / "a").unlink()
    (record,) = read_product(product)
    assert product_checksum([record]) == tool(DIRECTORY, product) != record.sha256


@pytest.mark.parametrize("change", ["byte", "name", "place", "more", "fewer"])
def test_any_change_changes_the_checksum(tmp_path: Path, change: str) -> None:
    product = make(tmp_path / "p", "a", "b", "sub/c")
    before = product_checksum(read_product(product))
    match change:
        case "byte":
            (product / "b").write_bytes(b"1 c\n")
        case "name":
            (product / "b").rename(product / "d")
        case "place":
            (product / "b").rename(product / "sub" / "b")
        case "more":
            (product / "empty").touch()
        case "fewer":
            (product / "a").unlink()
    assert product_checksum(read_product(product)) != before


def test_a_missing_product_is_a_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_product(tmp_path / "WSRTA190405034_B000.MS")


@pytest.mark.parametrize("inside", [False, True], ids=["as the product", "in the product"])
@pytest.mark.parametrize("kind", ["link to a file", "link to a directory", "dead link", "pipe"])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: str, inside: bool) -> None:
    elsewhere = make(tmp_path / "elsewhere", "secret")
    product = tmp_path / "p"
    odd = make(product, "a") / "odd" if inside else product
    match kind:
        case "link to a file":
            odd.symlink_to(elsewhere / "secret")
        case "link to a directory":
            odd.symlink_to(elsewhere)
        case "dead link":
            odd.symlink_to(tmp_path / "nowhere")
        case "pipe":
            os.mkfifo(odd)
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        read_product(product)
