"""What ATDB shows of an ingest in progress, and how soon the ingest stops."""

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface import checksum
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_plugins.archive.identity import MARKER
from operators import lease as lease_module
from operators.data import archive_transfer
from operators.data.archive_transfer import ArchiveTransfer
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from tests.operators.contexts import Context, use_archive
from tests.operators.observations import Make, SlowFileSystem, parts_in, products_of, statuses
from tests.operators.test_lease import when


@pytest.fixture
def seen(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int | None, int | None, list[str]]]:
    """Record, before each product is stored, the bytes that are done, all bytes, and the statuses in ATDB."""
    store = ArchiveTransfer.store
    recorded: list[tuple[int | None, int | None, list[str]]] = []

    def watched(self: ArchiveTransfer, product: DataProduct) -> None:
        self._lease.confirm()
        (lease,) = client.leases()
        recorded.append((lease.done_bytes, lease.total_bytes, statuses(client, self._observation)))
        store(self, product)

    monkeypatch.setattr(ArchiveTransfer, "store", watched)
    return recorded


def test_the_progress_of_an_ingest_counts_each_byte_twice_and_includes_earlier_attempts(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: list[tuple[int | None, int | None, list[str]]],
) -> None:
    monkeypatch.setattr(archive_transfer, "REPORT_EVERY_SECONDS", 600.0)
    made = validated()
    sizes = [product.size or 0 for product in products_of(client, made)]
    total = 2 * sum(sizes)
    broken = path_of(products_of(client, made)[1])
    whole = broken.read_bytes()
    broken.write_bytes(b"other bytes")
    with pytest.raises(IngestError):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", retries=1))
    assert seen == [
        (0, total, ["ingesting"] * 3),
        (2 * sizes[0], total, ["ingesting"] * 3),
        (2 * (sizes[0] + sizes[1]), total, ["archived", "ingest error", "ingesting"]),
    ]
    broken.write_bytes(whole)
    seen.clear()
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", try_number=2, retries=1))
    assert seen == [(2 * (sizes[0] + sizes[2]), total, ["archived", "ingesting", "archived"])]


def test_what_has_reached_the_archive_is_reported_once_and_while_the_rest_is_copied(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: list[tuple[int | None, int | None, list[str]]],
) -> None:
    monkeypatch.setattr(archive_transfer, "REPORT_EVERY_SECONDS", 0.0)
    made = validated()
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert [names for *_, names in seen] == [
        ["ingesting", "ingesting", "ingesting"],
        ["archived", "ingesting", "ingesting"],
        ["archived", "archived", "ingesting"],
    ]
    for product in products_of(client, made):
        assert [step.name for step in product.status_history].count("archived") == 1


def test_an_ingest_that_is_stopped_copies_no_more_than_the_present_chunk(
    client: Client, validated: Make, context: Context, archive_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = validated(products=2, n_bytes=400_000)
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(lease_module, "REACT_SECONDS", 600.0)  # nothing interrupts the copy
    monkeypatch.setattr(checksum, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(SlowFileSystem, "seconds", 0.05)
    use_archive(monkeypatch, f"slow://{archive_root}")
    when(lambda: parts_in(archive_root), lambda: client.act(made.taskID, Action.HOLD))
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert [path.name for path in archive_root.rglob("*") if path.is_file()] == [MARKER]
