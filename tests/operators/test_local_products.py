"""Data are found only below the data root."""

from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.observations import Observation
from operators.data.local_products import DataError, data_root, path_of


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
