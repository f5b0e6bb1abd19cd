"""The manifest has the specification and the files of an observation, and is replaced as a whole."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.observations import Observation
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.folder import ArchiveFolder
from tests.plugins.archives import checksum, everything


def measurement_sets(client: Client, observation: Observation) -> list[DataProduct]:
    names = [f"{observation.taskID}_{number}.MS" for number in range(2)]
    client.create_dataproducts([NewDataProduct(taskID=observation.taskID, filename=name) for name in names])
    return list(client.dataproducts(taskID=observation.taskID, ordering="filename"))


def with_manifest(archive: Archive, client: Client, observation: Observation) -> tuple[ArchiveFolder, bytes]:
    """Write a manifest without products, and return its folder and its bytes."""
    folder = archive.folder(client.dataproducts(taskID=observation.taskID))
    archive.filesystem.makedirs(folder.path, exist_ok=True)
    folder.write_manifest(observation, [])
    return folder, archive.filesystem.cat_file(f"{folder.path}/manifest.json")


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


def test_a_manifest_is_read_back_before_it_replaces_the_older_one(
    archive: Archive, client: Client, observe: Callable[..., Observation], monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = observe(products=1)
    folder, before = with_manifest(archive, client, observation)
    open_file = type(archive.filesystem).open

    def write_other_bytes(filesystem: Any, path: str, mode: str = "rb", **options: Any) -> Any:
        file = open_file(filesystem, path, mode, **options)
        if mode == "wb":
            write = file.write
            file.write = lambda content: write(b"?" + content[1:])
        return file

    edited = client.change_observation(observation.id, field_name="M31")
    with monkeypatch.context() as patched:
        patched.setattr(type(archive.filesystem), "open", write_other_bytes)
        with pytest.raises(ArchiveError, match="other bytes of the manifest"):
            folder.write_manifest(edited, [])
    assert archive.filesystem.cat_file(f"{folder.path}/manifest.json") == before
    assert not [path for path in everything(archive) if path.endswith(".part")]


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
    folder, before = with_manifest(archive, client, observation)

    def lost() -> None:
        raise PermissionError("another run has the lease")

    edited = client.change_observation(observation.id, field_name="M31")
    with pytest.raises(PermissionError):
        folder.write_manifest(edited, [], confirm=lost)
    assert archive.filesystem.cat_file(f"{folder.path}/manifest.json") == before
    assert everything(archive) == [f"{folder.path}/manifest.json"]
