"""A run that has lost its lease leaves the manifest in the archive to the run that has it now."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.fields import MANIFEST
from atdb_interface.observations import Observation
from operators import lease as lease_module
from operators.data.archive_transfer import ArchiveTransfer
from operators.lease import LeaseKeeper
from operators.stages.ingest import IngestProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make, in_archive, last, statuses

#: Call a function just before the run reports to ATDB, and wait until the run has noticed that its lease is lost.
LoseLease = Callable[[Callable[[], object]], None]


@pytest.fixture
def lose_lease(monkeypatch: pytest.MonkeyPatch) -> LoseLease:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.1)
    keepers: list[LeaseKeeper] = []
    enter, report = LeaseKeeper.__enter__, ArchiveTransfer.report

    def remember(keeper: LeaseKeeper) -> LeaseKeeper:
        keepers.append(keeper)
        return enter(keeper)

    def prepare(happens: Callable[[], object]) -> None:
        def late(transfer: ArchiveTransfer) -> None:
            happens()
            deadline = time.monotonic() + 10
            while not keepers[-1].is_lost():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            report(transfer)

        monkeypatch.setattr(ArchiveTransfer, "report", late)

    monkeypatch.setattr(LeaseKeeper, "__enter__", remember)
    return prepare


def manifest_of(archive_root: Path, made: Observation) -> Path:
    return in_archive(archive_root, made) / MANIFEST


@pytest.mark.parametrize("action", [Action.HOLD, Action.CANCEL])
def test_a_run_that_was_stopped_writes_no_manifest(
    client: Client, validated: Make, context: Context, archive_root: Path, lose_lease: LoseLease, action: Action
) -> None:
    made = validated()
    lose_lease(lambda: client.act(made.taskID, action, reason="rain"))
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert not manifest_of(archive_root, made).exists()
    assert (last(client, made)[1], statuses(client, made)) == ("rain", ["valid"] * 3)


def test_a_run_whose_work_another_run_has_taken_over_leaves_the_manifest_of_the_other(
    client: Client, validated: Make, context: Context, archive_root: Path, lose_lease: LoseLease
) -> None:
    made = validated()
    manifest = manifest_of(archive_root, made)

    def takes_over() -> None:
        client.act(made.taskID, Action.HOLD, reason="the other run is faster")
        manifest.write_text("the manifest of another run")

    lose_lease(takes_over)
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert manifest.read_text() == "the manifest of another run"


def test_a_run_that_is_stopped_after_its_last_report_leaves_the_manifest(
    client: Client, validated: Make, context: Context, archive_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = validated()
    monkeypatch.setattr("operators.data.archive_transfer.REPORT_EVERY_SECONDS", 600.0)
    report = ArchiveTransfer.report
    manifests: list[str] = []

    def report_and_lose(transfer: ArchiveTransfer) -> None:
        report(transfer)
        manifests.append(manifest_of(archive_root, made).read_text())
        client.change_observation(made.id, field_name="M31, north")
        client.act(made.taskID, Action.HOLD)

    monkeypatch.setattr(ArchiveTransfer, "report", report_and_lose)
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert [manifest_of(archive_root, made).read_text()] == manifests
