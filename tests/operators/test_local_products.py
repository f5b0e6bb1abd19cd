"""Data are found only below the data root."""

from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.observations import Observation
from operators.data.local_products import DataError, data_root, delete_data, path_of


@pytest.fixture
def product(client: Client, observe: Callable[..., Observation]) -> DataProduct:
    made = observe(products=1, data_location="wcudata1:/data/apertif")
    (product,) = client.dataproducts(taskID=made.taskID)
    return product


def test_a_product_lies_in_the_folder_of_its_data_host(data_root: Path, product: DataProduct) -> None:
    assert path_of(product) == data_root.resolve() / "wcudata1" / "data" / "apertif" / product.filename


def test_a_link_on_the_way_is_refused(data_root: Path, tmp_path: Path, product: DataProduct) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (data_root / "wcudata1").rmdir()
    for name in ("wcudata1", "wcudata1/data", "wcudata1/data/apertif"):
        link = data_root / name
        link.symlink_to(elsewhere)
        with pytest.raises(DataError, match="contains a symbolic link"):
            path_of(product)
        link.unlink()
        link.mkdir()
    assert path_of(product).parent == link.resolve()


def test_of_a_data_host_that_is_not_mounted_nothing_is_said(data_root: Path, product: DataProduct) -> None:
    (data_root / "wcudata1").rmdir()
    with pytest.raises(DataError, match="wcudata1 is not mounted"):
        path_of(product)


def test_the_data_root_itself_may_be_a_link(
    data_root: Path, tmp_path: Path, product: DataProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(data_root)
    monkeypatch.setenv("ATDB_DATA_ROOT", str(tmp_path / "link"))
    assert path_of(product).is_relative_to(data_root.resolve())


@pytest.mark.parametrize("root", [None, "", "/no/such/folder", __file__])
def test_without_a_data_root_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch, root: str | None) -> None:
    if root is None:
        monkeypatch.delenv("ATDB_DATA_ROOT", raising=False)
    else:
        monkeypatch.setenv("ATDB_DATA_ROOT", root)
    with pytest.raises(DataError, match="ATDB_DATA_ROOT"):
        data_root()


def test_a_location_that_leads_out_of_the_data_root_is_refused(data_root: Path, product: DataProduct) -> None:
    for location in ("wcudata1:/data/../../etc", "..:/data", "wcudata1", "a/b:/data", ":/data", "a:data"):
        with pytest.raises(ValueError, match="is not host:/directory"):
            path_of(product.model_copy(update={"data_location": location}))


def test_nothing_is_deleted_through_a_link_that_is_put_on_the_way_at_the_last_moment(
    data_root: Path, tmp_path: Path, product: DataProduct
) -> None:
    path = path_of(product)
    precious = tmp_path / "precious"
    for folder in (precious, precious / "data", precious / "data" / "apertif"):
        folder.mkdir()
    for place in ("wcudata1/data/apertif", "wcudata1/data", "wcudata1"):
        kept = precious / path.relative_to(data_root / place)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(b"x")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        (data_root / place).rename(tmp_path / "moved away")
        (data_root / place).symlink_to(precious)
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            delete_data(path)
        assert kept.read_bytes() == b"x"
        (data_root / place).unlink()
        (tmp_path / "moved away").rename(data_root / place)
    delete_data(path)
    assert not path.exists()


def test_a_product_is_deleted_with_all_in_it_and_its_folder_stays(data_root: Path, product: DataProduct) -> None:
    path = path_of(product)
    (path / "sub").mkdir(parents=True)
    (path / "sub" / "file").write_bytes(b"x")
    (path / "link").symlink_to(data_root)
    for _ in range(2):
        delete_data(path)
        assert list(path.parent.iterdir()) == []
    assert data_root.is_dir()


def test_what_is_not_below_the_data_root_is_never_deleted(data_root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ValueError, match="not in the subpath"):
        delete_data(tmp_path / "file")
    assert (tmp_path / "file").exists()
