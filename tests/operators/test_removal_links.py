"""A removal never leaves the data product: not through a link, and not into another file system."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Action
from atdb_interface.reason_codes import ReasonCode
from operators.data import removal
from operators.data.local_products import path_of
from operators.data.tombstones import write_tombstone
from operators.stages.remove import RemoveError
from tests.mounts import Mount, unmount
from tests.operators.observations import Make, products_of, statuses
from tests.operators.removals import content, hidden


@pytest.mark.parametrize("is_forced", [False, True])
def test_another_file_system_in_a_product_is_never_entered(
    client: Client, archived_one: Make, remove: Any, tmp_path: Path, mount: Mount, is_forced: bool
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)
    before = content(path)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    if is_forced:
        client.force_removal(product.id, "of no use")
    mount(precious, path / "sub")
    with pytest.raises(RemoveError, match="sub is on another file system") as refused:
        remove(made)
    assert refused.value.code == ReasonCode.OTHER_FILE_SYSTEM
    assert (precious / "file").read_bytes() == b"x"
    assert hidden(path) == []
    unmount(path / "sub")
    assert content(path) == before
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert (precious / "file").read_bytes() == b"x"


def test_a_file_system_that_is_mounted_after_the_comparison_is_not_entered_either(
    client: Client, archived_one: Make, remove: Any, tmp_path: Path, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")

    def mount_first(*arguments: Any) -> None:
        write_tombstone(*arguments)
        (aside,) = (each for each in path_of(product).parent.iterdir() if each.name.endswith(".removing"))
        mount(precious, aside / "sub")

    monkeypatch.setattr(removal, "write_tombstone", mount_first)
    with pytest.raises(RemoveError, match="sub is on another file system"):
        remove(made)
    assert (precious / "file").read_bytes() == b"x"
    assert statuses(client, made) == ["archived"]


@pytest.mark.parametrize("where", ["in a product", "as a directory", "as a file"])
def test_a_link_is_never_followed_and_never_counts_as_data(
    client: Client, archived: Make, remove: Any, tmp_path: Path, where: str
) -> None:
    made = archived(products=2)
    precious = tmp_path / "precious"
    directory, file = (path_of(product) for product in products_of(client, made))
    if where == "as a file":
        link = file
        file.rename(precious)
    else:
        link = directory if where == "as a directory" else directory / "sub"
        link.rename(precious)
    link.symlink_to(precious)
    before = content(precious)
    with pytest.raises(RemoveError, match="is neither a file nor a directory"):
        remove(made)
    assert content(precious) == before
    assert link.is_symlink()
    assert statuses(client, made).count("archived") == 1


def test_a_forced_removal_deletes_a_link_and_not_what_it_leads_to(
    client: Client, archived: Make, remove: Any, tmp_path: Path
) -> None:
    made = archived()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    for product in products_of(client, made):
        client.force_removal(product.id, "of no use")
    directory, file, other = (path_of(product) for product in products_of(client, made))
    (directory / "link").symlink_to(precious)
    file.unlink()
    file.symlink_to(precious / "file")
    shutil.rmtree(other)
    other.symlink_to(precious)
    remove(made)
    assert (precious / "file").read_bytes() == b"x"
    assert not any(path.is_symlink() or path.exists() for path in (directory, file, other))
