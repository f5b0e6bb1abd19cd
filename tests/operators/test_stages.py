"""The work of the stages, with real files, a real archive and a real ATDB; only the scheduler is not there."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.checksum import product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.errors import ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.models import DataProduct, Observation
from atdb_plugins.archive import ArchiveError
from operators.data import DataError, path_of
from operators.ingest import IngestOperator
from operators.remove import RemoveOperator
from operators.specify import SpecifyOperator
from operators.validate import ValidateOperator
from tests.operators.conftest import Context, use_archive

Observe = Callable[..., Observation]


class TroubledFileSystem(LocalFileSystem):
    """A local disk on which something happens whenever a file is opened to be written."""

    protocol = ("troubled",)
    cachable = False
    happens: ClassVar[Callable[[str], None]] = staticmethod(lambda _: None)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        if "w" in mode:
            TroubledFileSystem.happens(path)
        return super()._open(path, mode, **kwargs)


fsspec.register_implementation("troubled", TroubledFileSystem, clobber=True)


@pytest.fixture
def trouble(archive_root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let something happen whenever the archive is written to."""
    use_archive(monkeypatch, f"troubled://{archive_root}")
    return lambda happens: monkeypatch.setattr(TroubledFileSystem, "happens", staticmethod(happens))


@pytest.fixture
def written(client: Client, observe: Observe, data_root: Path) -> Callable[..., Observation]:
    """Make an observation of which the telescope has written every product: directories and files."""

    def make(status: Status = Status.COMPLETING, *, products: int = 3, **fields: object) -> Observation:
        made = observe(Status.COMPLETING, products=products, **fields)
        for number, product in enumerate(client.dataproducts(taskID=made.taskID)):
            path = path_of(product)
            path.parent.mkdir(parents=True, exist_ok=True)
            if number % 2:
                path.write_bytes(os.urandom(1000 + number))
            else:
                (path / "sub").mkdir(parents=True)
                (path / "table.dat").write_bytes(os.urandom(1000 + number))
                (path / "sub" / "two words").write_bytes(os.urandom(10))
        return made

    return make


@pytest.fixture
def validated(written: Callable[..., Observation], context: Context) -> Callable[..., Observation]:
    def make(**fields: object) -> Observation:
        made = written(**fields)
        ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
        return made

    return make


@pytest.fixture
def archived(
    validated: Callable[..., Observation], context: Context, archive_root: Path
) -> Callable[..., Observation]:
    def make(**fields: object) -> Observation:
        made = validated(**fields)
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        return made

    return make


def products_of(client: Client, made: Observation) -> list[DataProduct]:
    return list(client.dataproducts(taskID=made.taskID, ordering="filename"))


def statuses(client: Client, made: Observation) -> list[str]:
    return [str(product.my_status) for product in products_of(client, made)]


def names_of_history(client: Client, made: Observation) -> list[str]:
    return [step.name for step in client.observation(made.taskID).status_history]


def in_archive(archive_root: Path, made: Observation) -> Path:
    return archive_root / (made.irods_collection or made.observing_mode) / made.taskID


# specify


def test_a_specification_gets_its_products_and_is_scheduled(
    client: Client, observe: Observe, context: Context
) -> None:
    made = observe(observing_mode="arts_sc1_timing", options={"ndps": "3"})
    for _ in range(2):
        SpecifyOperator(task_id="specify").execute(context(made.taskID, "specify"))
        assert names_of_history(client, made) == ["defined", "scheduled"]
        assert len(products_of(client, made)) == 3
    assert client.observation(made.taskID).status_history[-1].owner == "specify/run 1"


def test_specify_goes_on_where_a_killed_try_has_ended(client: Client, observe: Observe, context: Context) -> None:
    made = observe()
    SpecifyOperator(task_id="specify").execute(context(made.taskID, "specify"))
    other = observe()
    client.create_dataproducts(
        [
            {"taskID": other.taskID, "filename": p.filename.replace(made.taskID, other.taskID)}  # type: ignore[misc]
            for p in products_of(client, made)[:7]
        ]
    )
    SpecifyOperator(task_id="specify").execute(context(other.taskID, "specify"))
    assert len(products_of(client, other)) == 40
    assert client.observation(other.taskID).my_status is Status.SCHEDULED


def test_an_aborted_specification_is_not_scheduled(client: Client, observe: Observe, context: Context) -> None:
    made = observe(Status.ABORTED)
    with pytest.raises(AirflowSkipException):
        SpecifyOperator(task_id="specify").execute(context(made.taskID, "specify"))
    assert client.observation(made.taskID).my_status is Status.ABORTED
    assert products_of(client, made) == []


@pytest.mark.parametrize("key", ["", None])
def test_a_run_for_no_observation_fails_at_once(context: Context, key: Any) -> None:
    for operator in (SpecifyOperator, ValidateOperator, IngestOperator, RemoveOperator):
        with pytest.raises(AirflowFailException, match="partition key"):
            operator(task_id="t").execute(context(key, "ingest"))


# the whole way


def test_data_go_from_completing_to_removed_and_are_in_the_archive(
    client: Client, written: Callable[..., Observation], context: Context, data_root: Path, archive_root: Path
) -> None:
    made = written(irods_collection="apertif_main/wcudata")
    sources = {p.filename: records_of(path_of(p)) for p in products_of(client, made)}
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert {p.filename: (p.size, p.checksum) for p in products_of(client, made)} == {
        name: (sum(record.size for record in records), product_checksum(records))
        for name, records in sources.items()
    }
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived"] * 3
    assert all(path_of(product).exists() for product in products_of(client, made))
    RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3
    assert names_of_history(client, made)[4:] == [
        "completing", "checking", "valid", "ingesting", "archived", "removing", "removed",
    ]  # fmt: skip
    folder = in_archive(archive_root, made)
    assert {name: records_of(folder / name) for name in sources} == sources
    assert {path.name for path in folder.iterdir()} == {*sources, "manifest.json"}
    assert not [path for path in data_root.rglob("*") if path.is_file()]


# validate


def test_missing_and_empty_products_make_an_observation_incomplete_and_say_why(
    client: Client, written: Callable[..., Observation], context: Context
) -> None:
    made = written(products=4)
    missing, empty, hollow, well = products_of(client, made)
    shutil.rmtree(path_of(missing))
    path_of(empty).write_bytes(b"")
    for path in path_of(hollow).rglob("*"):
        if path.is_file():
            path.unlink()
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid", "invalid", "invalid", "valid"]
    reasons = {step.dataproduct: step.reason for p in products_of(client, made) for step in p.status_history}
    assert reasons == {
        missing.filename: "missing",
        empty.filename: "empty",
        hollow.filename: "empty",
        well.filename: "",
    }
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.owner) == ("incomplete", "validate/run 1")
    assert last.reason.startswith("3 of 4 data products are invalid: ")
    assert missing.filename in last.reason


def test_an_observation_without_products_is_incomplete(client: Client, observe: Observe, context: Context) -> None:
    made = observe(Status.COMPLETING)
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert client.observation(made.taskID).my_status is Status.INCOMPLETE


def test_with_skip_auto_ingest_a_person_decides(client: Client, validated: Callable[..., Observation]) -> None:
    made = validated(skip_auto_ingest=True)
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.reason) == ("completed", "skip_auto_ingest is set")
    assert statuses(client, made) == ["valid"] * 3


def test_without_the_data_root_nothing_is_called_invalid(
    client: Client, written: Callable[..., Observation], context: Context, data_root: Path
) -> None:
    made = written()
    data_root.rename(data_root.with_name("unmounted"))
    with pytest.raises(DataError):
        ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert client.observation(made.taskID).my_status is Status.CHECKING
    data_root.with_name("unmounted").rename(data_root)
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert client.observation(made.taskID).my_status is Status.VALID


def test_nothing_is_called_missing_while_the_data_host_is_not_mounted(
    client: Client, written: Callable[..., Observation], context: Context, data_root: Path
) -> None:
    made = written()
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    with pytest.raises(DataError):
        ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["defined"] * 3


def test_a_link_in_the_data_is_never_followed(
    client: Client, written: Callable[..., Observation], context: Context, tmp_path: Path
) -> None:
    made = written()
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    inside, instead, _ = (path_of(product) for product in products_of(client, made))
    (inside / "link").symlink_to(secret)
    instead.unlink()
    instead.symlink_to(secret)
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid", "invalid", "valid"]


@pytest.mark.parametrize("late", [False, True], ids=["before its products are told", "after"])
def test_an_observation_aborted_while_it_is_checked_stays_aborted(
    client: Client, written: Callable[..., Observation], context: Context, late: bool
) -> None:
    made = written()

    class CancelledValidateOperator(ValidateOperator):
        def work(self, *arguments: Any) -> Any:
            decision = super().work(*arguments) if late else None
            client.move(made.taskID, Status.ABORTED, reason="rain")
            return decision or super().work(*arguments)

    with pytest.raises(AirflowSkipException):
        CancelledValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.reason) == ("aborted", "rain")
    assert statuses(client, made) == ["valid" if late else "defined"] * 3


# ingest


def test_a_failing_ingest_marks_the_observation_on_its_last_try_only(
    client: Client, validated: Callable[..., Observation], context: Context, archive_root: Path
) -> None:
    made = validated()
    first, second, _ = (product.filename for product in products_of(client, made))
    (broken,) = (path_of(p) for p in products_of(client, made) if p.filename == second)
    whole = broken.read_bytes()
    broken.write_bytes(b"other bytes")
    for try_number, status in ((1, Status.INGESTING), (2, Status.INGEST_ERROR)):
        with pytest.raises(ArchiveError):
            IngestOperator(task_id="ingest").execute(
                context(made.taskID, "ingest", try_number=try_number, retries=1)
            )
        assert client.observation(made.taskID).my_status is status
        assert statuses(client, made) == ["archived", "ingest error", "ingesting"]
    reason = f"ArchiveError: {second} is no longer what was validated"
    assert client.observation(made.taskID).status_history[-1].reason == reason
    assert products_of(client, made)[1].status_history[-1].reason == reason

    broken.write_bytes(whole)
    table = in_archive(archive_root, made) / first / "table.dat"
    before = table.stat()
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED
    assert statuses(client, made) == ["archived"] * 3
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_archive_that_fills_up_is_the_reason_that_is_recorded(
    client: Client,
    validated: Callable[..., Observation],
    context: Context,
    trouble: Callable[[Any], None],
) -> None:
    made = validated()
    second = products_of(client, made)[1].filename
    full = False

    def full_from_the_second_on(path: str) -> None:
        nonlocal full
        full = full or f"/.{second}." in path
        if full:
            raise OSError(28, "No space left on device")

    trouble(full_from_the_second_on)  # the manifest cannot be written either
    with pytest.raises(OSError, match="No space left"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["ingesting", "ingest error", "ingesting"]
    for history in (client.observation(made.taskID), products_of(client, made)[1]):
        assert history.my_status == "ingest error"
        assert "No space left" in history.status_history[-1].reason
    trouble(lambda _: None)
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived"] * 3


def test_a_second_try_copies_only_what_is_missing(
    client: Client,
    validated: Callable[..., Observation],
    context: Context,
    archive_root: Path,
    trouble: Callable[[Any], None],
) -> None:
    made = validated()
    first, second, third = (product.filename for product in products_of(client, made))
    opened: list[str] = []

    def full_at_the_second(path: str) -> None:
        opened.append(path)
        if f"/.{second}." in path:
            raise OSError(28, "No space left on device")

    trouble(full_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest", retries=1))
    assert any(f"/.{first}." in path for path in opened)
    opened.clear()
    trouble(opened.append)
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest", try_number=2, retries=1))
    assert not [path for path in opened if f"/.{first}." in path]
    assert all([path for path in opened if f"/.{name}." in path] for name in (second, third))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED


def test_invalid_products_are_not_ingested(
    client: Client, written: Callable[..., Observation], context: Context, archive_root: Path
) -> None:
    made = written()
    path_of(products_of(client, made)[1]).write_bytes(b"")
    ValidateOperator(task_id="validate").execute(context(made.taskID, "validate"))
    client.move(made.taskID, Status.VALID, reason="ingest it after all")
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived", "invalid", "archived"]
    RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "invalid", "removed"]
    assert path_of(products_of(client, made)[1]).exists()


def test_a_run_skips_what_another_run_works_on(
    client: Client, validated: Callable[..., Observation], context: Context, archive_root: Path
) -> None:
    made = validated()
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
    before = client.observation(made.taskID)
    with pytest.raises(AirflowSkipException, match="belongs to ingest/run 2"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID) == before
    assert list(archive_root.iterdir()) == []


def test_a_run_skips_what_is_already_done(
    client: Client, archived: Callable[..., Observation], context: Context
) -> None:
    made = archived()
    before = client.observation(made.taskID)
    for operator, dag in ((ValidateOperator, "validate"), (IngestOperator, "ingest")):
        with pytest.raises(AirflowSkipException):
            operator(task_id=dag).execute(context(made.taskID, dag))
    assert client.observation(made.taskID) == before


def test_an_ingest_that_lost_its_work_to_another_run_ends_in_a_skip(
    client: Client, validated: Callable[..., Observation], context: Context, trouble: Callable[[Any], None]
) -> None:
    made = validated()

    def another_takes_over(path: str) -> None:
        if "/manifest.json" not in path and client.observation(made.taskID).status_history[-1].owner:
            trouble(lambda _: None)
            client.renew(made.taskID, "ingest/run 1", 1)
            time.sleep(1.1)
            client.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)

    trouble(another_takes_over)
    with pytest.raises(AirflowSkipException, match="ingest/run 2"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGESTING
    assert "archived" not in statuses(client, made)
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 2"))
    assert statuses(client, made) == ["archived"] * 3


def test_what_is_being_ingested_can_no_longer_be_aborted(
    client: Client, validated: Callable[..., Observation], context: Context, trouble: Callable[[Any], None]
) -> None:
    made = validated()
    refused = []

    def abort(path: str) -> None:
        with pytest.raises(ForbiddenMove) as refusal:
            client.move(made.taskID, Status.ABORTED, reason="too late")
        refused.append(refusal.value.extra["my_status"])

    trouble(abort)
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert set(refused) == {"ingesting"}
    assert client.observation(made.taskID).my_status is Status.ARCHIVED


def test_only_the_run_that_failed_may_be_run_again(
    client: Client, validated: Callable[..., Observation], context: Context, archive_root: Path
) -> None:
    made = validated()
    archive_root.rename(archive_root.with_name("unmounted"))
    with pytest.raises(ArchiveError, match="is not there"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR
    archive_root.with_name("unmounted").rename(archive_root)
    with pytest.raises(AirflowSkipException):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 2"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR
    IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert names_of_history(client, made)[-4:] == ["ingest error", "valid", "ingesting", "archived"]


def test_there_is_nothing_to_ingest_of_an_observation_without_valid_products(
    client: Client, observe: Observe, context: Context, archive_root: Path
) -> None:
    made = observe(Status.VALID)
    with pytest.raises(ValueError, match="no valid data product"):
        IngestOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR


def test_an_unknown_observation_fails_at_once(context: Context, archive_root: Path) -> None:
    with pytest.raises(AirflowFailException, match="990101001"):
        IngestOperator(task_id="ingest").execute(context("990101001", "ingest"))


# remove


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_what_the_archive_does_not_hold_is_not_deleted(
    client: Client, archived: Callable[..., Observation], context: Context, archive_root: Path, damage: str
) -> None:
    made = archived()
    first, _, third = products_of(client, made)
    copy = in_archive(archive_root, made) / third.filename
    match damage:
        case "changed":
            (copy / "table.dat").write_bytes(os.urandom(1002))
        case "gone":
            shutil.rmtree(copy)
    with pytest.raises(ArchiveError, match=third.filename):
        RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    last = client.observation(made.taskID).status_history[-1]
    assert last.name == "remove error"
    assert third.filename in last.reason
    assert statuses(client, made) == ["removed", "removed", "archived"]
    assert product_checksum(records_of(path_of(third))) == third.checksum
    assert not path_of(first).exists()


def test_remove_deletes_a_link_and_not_what_it_leads_to(
    client: Client, archived: Callable[..., Observation], context: Context, tmp_path: Path
) -> None:
    made = archived()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    directory, file, other = (path_of(product) for product in products_of(client, made))
    (directory / "link").symlink_to(precious)
    file.unlink()
    file.symlink_to(precious / "file")
    shutil.rmtree(other)
    other.symlink_to(precious)
    RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert (precious / "file").read_bytes() == b"x"
    assert not any(path.is_symlink() or path.exists() for path in (directory, file, other))


def test_remove_goes_on_where_a_killed_try_has_ended(
    client: Client, archived: Callable[..., Observation], context: Context
) -> None:
    made = archived()
    shutil.rmtree(path_of(products_of(client, made)[0]))
    client.move(made.taskID, Status.REMOVING, owner="remove/run 1", lease_seconds=60)
    RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert client.observation(made.taskID).my_status is Status.REMOVED
    assert statuses(client, made) == [ProductStatus.REMOVED] * 3


def test_nothing_is_called_removed_while_the_data_host_is_not_mounted(
    client: Client, archived: Callable[..., Observation], context: Context, data_root: Path
) -> None:
    made = archived()
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    with pytest.raises(DataError):
        RemoveOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert client.observation(made.taskID).my_status is Status.REMOVE_ERROR
