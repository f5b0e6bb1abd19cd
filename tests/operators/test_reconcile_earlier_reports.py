"""What earlier versions have reported, or have worded in another way, is not reported again."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.events import EventKind, NewEvent
from operators.data.local_products import path_of
from operators.reconcile import data_pass
from operators.reconcile.compare_data import NAME
from operators.reconcile.product_differences import Difference, wrong_on_disk
from tests.operators.data_passes import Look, delete
from tests.operators.observations import Make, in_archive, products_of


@pytest.mark.parametrize("progress", ["has compared the data up to {0}", "Worded in another way: taskID={0}"])
def test_a_pass_begins_where_the_last_one_ended_however_that_is_worded(
    client: Client, look: Look, archived: Make, progress: str
) -> None:
    made = [archived(field_name=name) for name in "ab"]
    for each in made:
        delete(path_of(products_of(client, each)[0]))
    client.sign_of_life(NAME, detail=progress.format(made[0].taskID))
    assert [made[1].taskID in detail for detail in look()] == [True]


def former_key(where: str, product: DataProduct, words: str) -> str:
    return f"{where}/{product.id}/{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def test_a_report_of_an_earlier_version_is_not_repeated_and_exceeds_no_limit(
    client: Client, look: Look, validated: Make, archived: Make, removed: Make, archive_root: Path, tmp_path: Path
) -> None:
    on_disk, kept, gone = validated(products=4), archived(), removed()
    missing, larger, link, hollow = products_of(client, on_disk)
    delete(path_of(missing))
    (path_of(larger)).write_bytes(b"12345")
    delete(path_of(link))
    path_of(link).symlink_to(tmp_path)
    delete(path_of(hollow))
    path_of(hollow).mkdir()
    (path_of(hollow) / "link").symlink_to(tmp_path)
    lost, shorter, _ = products_of(client, kept)
    delete(in_archive(archive_root, kept) / lost.filename)
    (in_archive(archive_root, kept) / shorter.filename).write_bytes(b"12")
    only_copy, shorter_copy, back = products_of(client, gone)
    delete(in_archive(archive_root, gone) / only_copy.filename)
    (in_archive(archive_root, gone) / shorter_copy.filename).write_bytes(b"12")
    path_of(back).mkdir()
    neither = "is valid, but on its data host {} is neither a file nor a directory"
    raised = [
        ("disk", missing, "is valid, but not on its data host"),
        ("disk", larger, f"is valid with {larger.size} bytes, but its data host has 5"),
        ("disk", link, neither.format(link.filename)),
        ("disk", hollow, neither.format(f"{hollow.filename}/link")),
        ("disk", back, "is removed, but still on its data host"),
        ("archive", lost, "is archived, but not in the archive"),
        ("archive", shorter, f"is archived with {shorter.size} bytes, but the archive has 2"),
        ("archive", only_copy, "is removed, but not in the archive: IT WAS THE ONLY COPY"),
        (
            "archive",
            shorter_copy,
            f"is removed with {shorter_copy.size} bytes, but the archive has 2: IT WAS THE ONLY COPY",
        ),
    ]
    for where, product, words in raised[1:]:
        key = former_key(where, product, words)
        client.raise_events([NewEvent(key=key, kind=EventKind.DISAGREEMENT, detail=f"{product.filename} {words}")])
    assert look(floor=2) == [f"{missing.filename} is valid, but not on its data host"]
    assert look(floor=1) == []


def test_a_trouble_of_today_that_an_earlier_version_has_reported_is_not_reported_again(
    client: Client, look: Look, validated: Make, data_root: Path
) -> None:
    validated(products=1)
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    words = f"the data host wcudata1 is not mounted in {data_root.resolve()}"
    day = datetime.now(UTC).date()
    key = f"trouble/{day}/{hashlib.sha256(words.encode()).hexdigest()[:16]}"
    client.raise_events([NewEvent(key=key, kind=EventKind.DISAGREEMENT, detail=words)])
    assert look() == []
    (data_root / "wcudata1").mkdir()
    assert [detail.partition(".")[0] for detail in look()] == [
        "The folder of the data host wcudata1 is empty, as if its disk is not mounted"
    ]
    assert look() == []


@pytest.mark.parametrize("text", ["is archived, but not on its data host", "has been lost by arts001"])
def test_a_reworded_disagreement_has_the_same_key(
    client: Client, look: Look, archived: Make, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    product = products_of(client, archived())[0]
    delete(path_of(product))
    assert len(look()) == 1

    def reworded(*given: Any) -> Difference | None:
        difference = wrong_on_disk(*given)
        return difference and replace(difference, text=text)

    monkeypatch.setattr(data_pass, "wrong_on_disk", reworded)
    assert look() == []
