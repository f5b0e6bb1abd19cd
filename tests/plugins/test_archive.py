"""The archive is at its URL, and has one folder for each observation."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.identity import MARKER
from tests.plugins.archives import everything, put, store


def test_an_archive_that_does_not_respond_is_distinguished_from_a_product_that_fails(local: Archive) -> None:
    local.require()
    Path(local.root).rename(f"{local.root} unmounted")
    with pytest.raises(ArchiveError, match="does not exist"):
        local.require()


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


def test_an_archive_has_one_identity(archive: Archive) -> None:
    assert archive.identity() is None
    created = archive.create_identity()
    assert UUID(created.name).version == 4
    assert not created.is_declared
    assert archive.create_identity() == archive.identity() == created
    archive.require(created.name)
    archive.require(None)
    assert [path.rpartition("/")[2] for path in everything(archive)] == [MARKER]


def test_another_archive_or_an_empty_folder_is_not_the_archive(archive: Archive) -> None:
    put(archive, f"{archive.root}/main/x", b"x")
    known = str(uuid4())
    with pytest.raises(ArchiveError, match=f"in the archive {known}, but .* has no identity. Mount its disk"):
        archive.require(known)
    other = archive.create_identity().name
    with pytest.raises(ArchiveError, match=f"in the archive {known}, but .* has the identity {other}") as refused:
        archive.require(known)
    assert refused.value.code == ReasonCode.OTHER_ARCHIVE


def test_an_archive_that_is_declared_new_receives_an_identity(archive: Archive) -> None:
    put(archive, f"{archive.root}/{MARKER}", b"new\n")
    declared = archive.identity()
    assert declared is not None
    assert declared.is_declared
    assert archive.identity() == archive.create_identity() == declared
    assert archive.filesystem.cat_file(f"{archive.root}/{MARKER}") == f"new {declared.name}\n".encode()


@pytest.mark.parametrize("content", [b"", b"newer", b"new x", b"12345678-1234-1234-1234-123456789abc\nmore"])
def test_a_file_that_is_no_identity_is_refused(archive: Archive, content: bytes) -> None:
    put(archive, f"{archive.root}/{MARKER}", content)
    for ask in (archive.identity, archive.create_identity, lambda: archive.require("x")):
        with pytest.raises(ArchiveError, match="does not contain the identity of an archive"):
            ask()


def test_a_link_is_no_identity(local: Archive) -> None:
    Path(local.root, "elsewhere").write_text("12345678-1234-1234-1234-123456789abc\n")
    Path(local.root, MARKER).symlink_to("elsewhere")
    with pytest.raises(ArchiveError, match="does not contain the identity of an archive"):
        local.identity()
