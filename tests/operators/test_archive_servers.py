"""Data go into an archive on a server, and are removed from the data host, in the first attempt."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_plugins.archive.archive import Archive
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError, RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.archive_servers import bucket, object_store, sftp_server
from tests.operators.contexts import Context, use_archive
from tests.operators.observations import Make, products_of, statuses


@pytest.fixture(scope="module")
def s3_options() -> Iterator[dict[str, Any]]:
    with object_store() as options:
        yield options


@pytest.fixture(params=["s3", "sftp"])
def archive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    if request.param == "s3":
        url, options = bucket(request.getfixturevalue("s3_options"))
        use_archive(monkeypatch, url, options)
        yield Archive.open(url, **options)
    else:
        (tmp_path / "server" / "alta").mkdir(parents=True)
        with sftp_server(tmp_path / "server") as (url, options):
            use_archive(monkeypatch, url, options)
            yield Archive.open(url, **options)


def files_of(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(file.relative_to(path.parent)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def content_of(archive: Archive, task_id: str) -> dict[str, bytes]:
    """Return the content of each file of an observation in the archive."""
    archive.filesystem.invalidate_cache()
    folder = f"{archive.root}/imaging/{task_id}/"
    return {
        path.removeprefix(folder): archive.filesystem.cat_file(path) for path in archive.filesystem.find(folder)
    }


def test_the_first_attempt_archives_measurement_sets_and_files_which_are_then_removed(
    client: Client, validated: Make, context: Context, archive: Archive
) -> None:
    made = validated()
    products = products_of(client, made)
    sources = {name: data for product in products for name, data in files_of(path_of(product)).items()}
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", retries=0))
    assert statuses(client, made) == ["archived"] * 3
    content = content_of(archive, made.taskID)
    manifest = json.loads(content.pop("manifest.json"))
    assert content == sources
    assert {each["filename"]: each["checksum"] for each in manifest["products"]} == {
        product.filename: product.checksum for product in products
    }
    assert [product.archive_copy for product in products_of(client, made)] == [
        str(archive.filesystem.unstrip_protocol(f"{archive.root}/{product.archive_location}"))
        for product in products
    ]
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3
    assert not any(path_of(product).exists() for product in products)


def test_a_copy_on_a_server_is_replaced_by_the_data_that_were_changed(
    client: Client, validated: Make, context: Context, archive: Archive
) -> None:
    made = validated()
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    table = path_of(products_of(client, made)[0]) / "table.dat"
    table.write_bytes(bytes(byte ^ 1 for byte in table.read_bytes()))
    table.with_name("table.f1").write_bytes(b"one more column")
    (table.parent / "sub" / "two words").unlink()
    client.act(made.taskID, Action.CHECK, reason="the data were changed")
    for operator, dag in ((ValidateProductsOperator, "validate"), (IngestProductsOperator, "ingest")):
        operator(task_id=dag).execute(context(made.taskID, dag, run="again"))
    products = products_of(client, made)
    content = content_of(archive, made.taskID)
    del content["manifest.json"]
    assert content == {name: data for product in products for name, data in files_of(path_of(product)).items()}


def test_a_copy_on_a_server_that_has_changed_is_not_trusted(
    client: Client, validated: Make, context: Context, archive: Archive
) -> None:
    made = validated()
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    first = products_of(client, made)[0]
    path = f"{archive.root}/{first.archive_location}/table.dat"
    archive.filesystem.pipe_file(path, bytes(byte ^ 1 for byte in archive.filesystem.cat_file(path)))
    with pytest.raises(RemoveError, match="is not what was observed"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert path_of(first).exists()
    assert statuses(client, made) == ["archived", "removed", "removed"]
