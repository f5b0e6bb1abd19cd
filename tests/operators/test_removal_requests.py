"""A removal of many small products asks ATDB rarely, but never works with an old answer or keeps a report back."""

import threading
import time
from collections import Counter
from typing import Any

import httpx
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.client.sync_connection import Connection
from atdb_interface.dataproducts import DataProduct, MovedProduct, ProductMove
from atdb_interface.errors import Unavailable
from atdb_interface.lifecycle import Action, ProductStatus
from atdb_plugins.archive.folder import ArchiveFolder
from operators.data import removal, removal_reports
from operators.data.local_products import path_of
from operators.data.removal import DeletionOffError
from operators.lease import LeaseLostError
from tests.operators.contexts import Context
from tests.operators.killing import kill
from tests.operators.observations import Make, last, products_of, statuses
from tests.operators.removals import hidden


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the limits of time, so that a run asks once and reports at its end."""
    monkeypatch.setattr(removal_reports, "UNREPORTED_SECONDS", 600.0)
    monkeypatch.setattr(removal, "RECENT_SECONDS", 600.0)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the requests of this thread; that which renews the lease has its own pace."""
    counted: Counter[str] = Counter()
    ask = Connection.ask

    def counting(self: Connection, method: str, path: str, **content: Any) -> httpx.Response:
        if threading.current_thread() is threading.main_thread():
            counted[f"{method} {path.partition('/')[0]}"] += 1
        return ask(self, method, path, **content)

    monkeypatch.setattr(Connection, "ask", counting)
    return counted


def test_the_number_of_requests_does_not_grow_with_the_number_of_products(
    client: Client, archived: Make, remove: Any, patient: None, requests: Counter[str]
) -> None:
    counts = []
    for number in (2, 12):
        made = archived(products=number)
        requests.clear()
        remove(made)
        counts.append(dict(requests))
        assert statuses(client, made) == ["removed"] * number
        assert client.count_dataproducts(taskID=made.taskID, my_status="removed") == number
        assert sorted(each.dataproduct for each in client.receipts(taskID=made.taskID)) == [
            product.filename for product in products_of(client, made)
        ]
    assert counts[0] == counts[1]
    assert counts[0] == {
        "POST status": 2,
        "GET observations": 2,  # the observation, and the neighbours of its products
        "GET dataproducts": 1,
        "GET deletion": 1,
        "POST leases": 1,
        "POST dataproducts": 1,
    }


def test_no_more_than_the_limit_of_deletions_is_unreported(
    client: Client, archived: Make, remove: Any, patient: None, before_judging: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(removal_reports, "UNREPORTED_PRODUCTS", 2)
    made = archived(products=5)
    seen: list[tuple[int, int]] = []

    def look(_: DataProduct) -> None:
        products = products_of(client, made)
        deleted = [product for product in products if not path_of(product).exists()]
        seen.append((len(deleted), [product.my_status for product in products].count(ProductStatus.REMOVED)))

    before_judging(look)
    remove(made)
    assert seen == [(0, 0), (1, 0), (2, 2), (3, 2), (4, 4)]
    assert statuses(client, made) == ["removed"] * 5


def test_a_deletion_is_reported_while_the_next_product_is_read(
    client: Client, archived: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal_reports, "UNREPORTED_SECONDS", 0.2)
    made = archived(products=2)
    at_report: list[list[bool]] = []
    move_products = Client.move_products
    verify = ArchiveFolder.verify

    def slowly(self: Any, name: str, checksum: str, advance: Any, **named: Any) -> None:
        time.sleep(0.3)
        verify(self, name, checksum, advance, **named)

    def watched(self: Client, task_id: str, moves: list[ProductMove], **named: Any) -> list[MovedProduct]:
        at_report.append([path_of(product).exists() for product in products_of(client, made)])
        return move_products(self, task_id, moves, **named)

    monkeypatch.setattr(ArchiveFolder, "verify", slowly)
    monkeypatch.setattr(Client, "move_products", watched)
    remove(made)
    assert at_report == [[False, True], [False, False]]


def test_what_was_deleted_is_reported_when_deletion_is_switched_off(
    client: Client, archived: Make, remove: Any, before_judging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "RECENT_SECONDS", 0.0)
    made = archived()
    second = products_of(client, made)[1]

    def switch_off(product: DataProduct) -> None:
        if product.id == second.id:
            client.change_deletion(allowed=False, reason="a disk is being copied")

    before_judging(switch_off)
    with pytest.raises(DeletionOffError, match="a disk is being copied"):
        remove(made)
    assert statuses(client, made) == ["removed", "archived", "archived"]
    assert [path_of(product).exists() for product in products_of(client, made)] == [False, True, True]
    assert last(client, made)[0] == "remove error"


def test_what_was_deleted_before_the_lease_was_lost_is_reported_by_the_next_run(
    client: Client, archived: Make, remove: Any, patient: None, before_judging: Any,
    monkeypatch: pytest.MonkeyPatch, context: Context,
) -> None:  # fmt: skip
    monkeypatch.setattr("operators.stages.remove.RECENT_SECONDS", 0.0)
    made = archived()
    *_, third = products_of(client, made)
    held: list[DataProduct] = []

    def hold(product: DataProduct) -> None:
        if product.id == third.id and not held:
            client.act(made.taskID, Action.HOLD)
            held.append(product)

    before_judging(hold)
    with pytest.raises(AirflowSkipException):
        remove(made)
    assert statuses(client, made) == ["archived"] * 3
    assert [path_of(product).exists() for product in products_of(client, made)] == [False, False, True]
    client.act(made.taskID, Action.RESUME)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3
    assert len(list(client.receipts())) == 3


@pytest.mark.parametrize(
    "error", [LeaseLostError("The lease is lost."), Unavailable("ATDB does not respond."), KeyboardInterrupt()]
)
def test_a_run_that_must_stop_reports_nothing_more_and_the_next_one_does(
    client: Client, archived: Make, remove: Any, patient: None, before_judging: Any,
    monkeypatch: pytest.MonkeyPatch, error: BaseException,
) -> None:  # fmt: skip
    made = archived()
    _, second, _ = products_of(client, made)
    reports: list[str] = []

    def stop(product: DataProduct) -> None:
        if product.id == second.id:
            raise error

    with monkeypatch.context() as stopping:
        stopping.setattr(Client, "move_products", lambda _, task_id, *__, **___: reports.append(task_id))
        before_judging(stop)
        with pytest.raises((type(error), AirflowSkipException)):
            remove(made)
    assert reports == []
    assert [path_of(product).exists() for product in products_of(client, made)] == [False, True, True]
    before_judging(lambda _: None)
    if last(client, made)[0] == "remove error":
        client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


@pytest.mark.parametrize("follow_up", ["another attempt", "check"])
def test_a_killed_run_leaves_many_tombstones_that_the_next_one_reports(
    client: Client, archived: Make, remove: Any, check_again: Any, patient: None, follow_up: str
) -> None:
    made = archived(products=6)
    path = path_of(products_of(client, made)[0])
    kill(lambda: remove(made), Client, "move_products", before=True)
    assert statuses(client, made) == ["archived"] * 6
    left = sorted(each.name for each in path.parent.iterdir() if not each.name.startswith(".atdb-"))
    assert left == [f".{product.filename}.atdb-removed" for product in products_of(client, made)]
    if follow_up == "check":
        client.act(made.taskID, Action.HOLD)
        client.act(made.taskID, Action.RESUME)
        check_again(made)
        assert last(client, made)[0] == "archived"
        assert statuses(client, made) == ["archived"] * 6
    remove(made)
    assert statuses(client, made) == ["removed"] * 6
    assert len(list(client.receipts())) == 6
    assert hidden(path) == []
