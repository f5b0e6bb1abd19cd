"""What operators see of a removal in progress: how far it is, its problem, and what a killed run has left."""

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import Unavailable
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.data import removal_reports
from operators.data.local_products import path_of
from operators.stages.remove import RemoveError, RemoveProductsOperator
from tests.operators.contexts import Context
from tests.operators.killing import kill
from tests.operators.observations import Make, in_archive, last, products_of, statuses
from tests.operators.removals import hidden

Before = Callable[[Callable[[DataProduct], None]], None]


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew the lease, with the progress, before each deletion; report the deletions only at the end."""
    monkeypatch.setattr("operators.stages.remove.RECENT_SECONDS", 0.0)
    monkeypatch.setattr(removal_reports, "UNREPORTED_SECONDS", 600.0)


@pytest.fixture
def attempt(context: Context, archive_root: Path) -> Callable[[Observation, int], None]:
    """Create the attempt with this number of a run that has three."""
    operator = RemoveProductsOperator(task_id="remove", retries=2, retry_delay=timedelta(seconds=5))
    return lambda made, number: operator.execute(context(made.taskID, "remove", try_number=number, retries=2))


def progress(client: Client) -> tuple[int | None, int | None]:
    (lease,) = client.leases()
    return lease.done_bytes, lease.total_bytes


def problem(client: Client, made: Observation) -> str:
    """Return the problem that `why/` explains, which is that of the lease; "" if there is none."""
    (lease,) = client.leases()
    explained = re.search(r"There has been a problem since \S+: (.*)", client.why(made.taskID).why)
    assert bool(explained) is bool(lease.trouble)
    if explained and lease.trouble:
        assert explained[1] in lease.trouble
    return lease.trouble or ""


def test_the_progress_of_a_removal_counts_the_bytes_of_each_product_before_it_is_reported_as_removed(
    client: Client, archived: Make, attempt: Any, before_judging: Before, brisk: None
) -> None:
    made = archived(n_bytes=100_000)
    sizes = [product.size or 0 for product in products_of(client, made)]
    seen: list[tuple[int | None, int | None]] = []
    explained: list[str] = []

    def look(_: DataProduct) -> None:
        seen.append(progress(client))
        explained.append(client.why(made.taskID).why)
        assert statuses(client, made) == ["archived"] * 3

    before_judging(look)
    attempt(made, 1)
    assert seen == [(None, None), (sizes[0], sum(sizes)), (sizes[0] + sizes[1], sum(sizes))]
    began = r"Run remove/run 1 has been working on this observation since \S+Z"
    assert re.fullmatch(rf"{began}\.", explained[0])
    assert re.match(rf"{began}: 33 % of 300 kB done, about ", explained[1])
    assert re.match(rf"{began}: 66 % of 300 kB done, about ", explained[2])
    assert statuses(client, made) == ["removed"] * 3


def test_the_first_product_that_stays_is_the_problem_until_the_attempt_ends(
    client: Client, archived: Make, attempt: Any, before_judging: Before, brisk: None, archive_root: Path
) -> None:
    made = archived(products=5)
    first, missing, third, *_ = products_of(client, made)
    for product in (missing, third):
        copy = in_archive(archive_root, made) / product.filename
        if copy.is_dir():
            shutil.rmtree(copy)
        else:
            copy.unlink()
    seen: dict[str, str] = {}
    done: list[int | None] = []

    def look(product: DataProduct) -> None:
        seen[product.filename] = problem(client, made)
        done.append(progress(client)[0])

    before_judging(look)
    with pytest.raises(RemoveError):
        attempt(made, 1)
    text = f"ArchiveCopyMissing: {missing.filename} is not in the archive. Use the action ingest."
    assert [*seen.values()] == ["", "", "", "", text]
    assert done[-1] == sum(product.size or 0 for product in products_of(client, made)[:4])
    words = f"2 of 5 data products were not deleted. First failure: {text.partition(' ')[2]}"
    left = problem(client, made)
    assert left.startswith(f"ArchiveCopyMissing: {words} Airflow begins attempt 2 of 3 by ")
    assert client.observation(made.taskID).my_status is Status.REMOVING
    assert statuses(client, made) == ["removed", "archived", "archived", "removed", "removed"]
    assert not path_of(first).exists()


def test_the_problem_of_an_attempt_ends_when_the_next_one_deletes_a_product(
    client: Client, archived: Make, attempt: Any, before_judging: Before, brisk: None, archive_root: Path
) -> None:
    made = archived()
    archive_root.rename(archive_root.with_name("unmounted"))
    with pytest.raises(Exception, match="does not exist"):
        attempt(made, 1)
    words = f"ArchiveNotMounted: The folder of the archive {archive_root.as_uri()} does not exist. Mount its disk."
    assert problem(client, made).startswith(f"{words} Airflow begins attempt 2 of 3 by ")
    archive_root.with_name("unmounted").rename(archive_root)
    seen: list[str] = []
    before_judging(lambda _: seen.append(problem(client, made)))
    attempt(made, 2)
    assert [bool(each) for each in seen] == [True, True, False]
    assert statuses(client, made) == ["removed"] * 3


def test_what_a_killed_run_has_deleted_is_in_its_progress_and_reported_by_the_next_attempt(
    client: Client, archived: Make, attempt: Any, before_judging: Before, brisk: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(removal_reports, "UNREPORTED_PRODUCTS", 2)
    made = archived(products=4, n_bytes=100_000)
    products = products_of(client, made)
    path = path_of(products[0])
    sizes = [product.size or 0 for product in products]
    kill(lambda: attempt(made, 1), Client, "move_products", before=True)
    assert [path_of(product).exists() for product in products] == [False, False, True, True]
    assert statuses(client, made) == ["archived"] * 4
    assert progress(client) == (sum(sizes[:2]), sum(sizes))
    assert ": 49 % of 400 kB done" in client.why(made.taskID).why
    reported: list[list[str]] = []
    move_products = Client.move_products

    def watched(self: Client, task_id: str, moves: Any, **named: Any) -> Any:
        reported.append([move.filename for move in moves])
        return move_products(self, task_id, moves, **named)

    monkeypatch.setattr(Client, "move_products", watched)
    attempt(made, 2)
    names = [product.filename for product in products]
    assert reported == [names[:2], names[2:]]
    assert [receipt.dataproduct for receipt in client.receipts(taskID=made.taskID, ordering="id")] == names
    assert last(client, made)[0] == "removed"
    assert hidden(path) == []


def test_a_report_that_atdb_does_not_answer_is_the_problem_and_the_next_attempt_repeats_it(
    client: Client, archived: Make, attempt: Any, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived()
    path = path_of(products_of(client, made)[0])

    def unavailable(*_: Any, **__: Any) -> None:
        raise Unavailable("The database does not respond.")

    with monkeypatch.context() as broken:
        broken.setattr(Client, "move_products", unavailable)
        with pytest.raises(Unavailable):
            attempt(made, 1)
    assert not any(path_of(product).exists() for product in products_of(client, made))
    assert statuses(client, made) == ["archived"] * 3
    words = "Unavailable: The database does not respond."
    assert problem(client, made).startswith(f"{words} Airflow begins attempt 2 of 3 by ")
    attempt(made, 2)
    assert statuses(client, made) == ["removed"] * 3
    assert hidden(path) == []
