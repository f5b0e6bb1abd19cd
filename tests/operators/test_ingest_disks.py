"""What ingest reports if a data product cannot be read on its data host: why, and what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.observations import Observation
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make, last, products_of, statuses

Ingest = Callable[[Observation], None]


@pytest.fixture
def ingest(context: Context, archive_root: Path) -> Ingest:
    return lambda made: IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))


@pytest.mark.parametrize("place", ["wcudata1", "wcudata1/data"])
def test_a_disk_that_is_not_mounted_is_reported_with_what_to_do(
    client: Client, validated: Make, ingest: Ingest, data_root: Path, place: str
) -> None:
    made = validated()
    first = products_of(client, made)[0]
    disk = (data_root / "wcudata1").rename(data_root / "unmounted")
    (data_root / place).mkdir(parents=True)
    expected = {
        "wcudata1": "DataHostEmpty: The folder of the data host wcudata1 is empty, as if its disk is not mounted. "
        "Mount its disk.",
        "wcudata1/data": f"OtherDisk: {first.filename} was on the data disk {first.disk}, but the disk that is "
        "mounted now has no identity. Mount its disk. If the data were moved to this disk, use the action check.",
    }[place]
    with pytest.raises(IngestError, match="Mount its disk"):
        ingest(made)
    assert products_of(client, made)[0].status_history[-1].reason == expected
    assert last(client, made)[1].startswith(expected.partition(" ")[0])
    shutil.rmtree(data_root / "wcudata1")
    disk.rename(data_root / "wcudata1")
    client.act(made.taskID, Action.RETRY)
    ingest(made)
    assert statuses(client, made) == ["archived"] * 3


def test_what_is_no_data_product_is_reported_with_what_to_do(
    client: Client, validated: Make, ingest: Ingest, tmp_path: Path
) -> None:
    made = validated()
    with_link, link, missing = (path_of(product) for product in products_of(client, made))
    (tmp_path / "secret").write_bytes(link.read_bytes())
    (with_link / "link").symlink_to(tmp_path / "secret")
    link.unlink()
    link.symlink_to(tmp_path / "secret")
    shutil.rmtree(missing)
    with pytest.raises(IngestError):
        ingest(made)
    assert [product.status_history[-1].reason for product in products_of(client, made)] == [
        f"NotAProduct: {with_link.name}/link is neither a file nor a directory. "
        "Replace it with the data, then retry.",
        "WrongKind: The data product is a symbolic link instead of data. Replace it with the data, then retry.",
        "DataMissing: The data product is not on its data host. Restore it, then retry.",
    ]
    assert statuses(client, made) == ["ingest error"] * 3
