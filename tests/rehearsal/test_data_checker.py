"""The judge finds each violation by faults of data and by hostile accounts: the tests create them by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from standalone.rehearsal.checker import judge
from standalone.rehearsal.data_checker import Off, judge_data
from standalone.rehearsal.data_faults import ACTS, OUTSIDE, prepare_outside
from standalone.rehearsal.evidence import Evidence
from standalone.rehearsal.findings import Violation
from standalone.rehearsal.hostile import HOSTILE
from standalone.rehearsal.witness import TROUBLES
from standalone.simulator.journal import Journal
from tests.rehearsal.test_checker import Rehearsal, rehearsal, written

__all__ = ["rehearsal"]  # a fixture


@pytest.fixture
def recorded(rehearsal: Rehearsal) -> Rehearsal:
    """A finished rehearsal with two hostile accounts, whose record is in the simulator's folder."""
    Journal(record(rehearsal) / HOSTILE).note("account", name="telescope", role="telescope")
    Journal(record(rehearsal) / HOSTILE).note("account", name="viewer", role="viewer")
    prepare_outside(record(rehearsal) / OUTSIDE)
    return rehearsal


def record(r: Rehearsal) -> Path:
    return r.scene.telescope.parent


def evidence(r: Rehearsal) -> Evidence:
    return Evidence(replace(r.scene, record=record(r)))


def found(r: Rehearsal, off: list[Off] | None = None) -> set[Violation]:
    return {finding.wrong for finding in judge_data(evidence(r), off or [])}


def act(r: Rehearsal, event: str, number: int = 0, **fields: Any) -> None:
    name = r.file(r.removed, number)
    defaults = {"taskID": r.removed, "filename": name, "refusals": [], "files": []}
    Journal(record(r) / ACTS).note(event, **(defaults | fields))


def add_step(
    r: Rehearsal, actor: str, *, product: str | None = None, forced: bool = False, reason: str = ""
) -> None:
    r.sql(
        "INSERT INTO transitions (task_id, dataproduct, previous, status, actor, reason, forced) "
        "VALUES (%s, %s, 'valid', 'valid', %s, %s, %s)",
        *(r.incomplete, product, actor, reason, forced),
    )


def edit(r: Rehearsal, actor: str, field: str, task_id: str | None = None) -> None:
    r.sql(
        "INSERT INTO changes (actor, action, task_id, fields, reason) VALUES (%s, 'edited', %s, %s, '')",
        *(actor, task_id, json.dumps({field: [1, 2]})),
    )


def test_nothing_is_wrong_where_nothing_was_broken(recorded: Rehearsal) -> None:
    assert found(recorded) == set()


def be_accepted(r: Rehearsal) -> None:
    act(r, "DATA_REPLACED", refusals=["DataDiffers"])


def be_refused_too_early(r: Rehearsal) -> None:
    Journal(record(r) / TROUBLES).note("trouble", taskID=r.removed, reason="DataDiffers: it differs")
    be_accepted(r)


def be_refused_for_another_cause(r: Rehearsal) -> None:
    be_accepted(r)
    Journal(record(r) / TROUBLES).note("trouble", taskID=r.removed, reason="DataMissing: it is missing")


def be_refused_in_another_observation(r: Rehearsal) -> None:
    be_accepted(r)
    Journal(record(r) / TROUBLES).note("trouble", taskID=r.incomplete, reason="DataDiffers: it differs")


def count_a_lock_as_data(r: Rehearsal) -> None:
    act(r, "LOCK_GROWING")
    Journal(record(r) / TROUBLES).note("trouble", taskID=r.removed, reason="DataDiffers: it differs")


def force_a_move(r: Rehearsal) -> None:
    add_step(r, "telescope", forced=True)


def move_a_product(r: Rehearsal) -> None:
    add_step(r, "telescope", product=r.file(r.incomplete, 0))


def move_as_a_viewer(r: Rehearsal) -> None:
    add_step(r, "viewer")


def edit_a_checksum(r: Rehearsal) -> None:
    edit(r, "telescope", "checksum", r.incomplete)


def edit_as_a_viewer(r: Rehearsal) -> None:
    edit(r, "viewer", "field_name", r.incomplete)


def switch_deletion(r: Rehearsal) -> None:
    edit(r, "telescope", "deletion.allowed")


def write_a_receipt(r: Rehearsal) -> None:
    r.sql("UPDATE receipts SET actor = 'telescope'")


def answer_with_an_internal_error(r: Rehearsal) -> None:
    Journal(record(r) / HOSTILE).note("internal error", account="telescope", taskID=r.removed, request="POST")


def nest_products(r: Rehearsal) -> None:
    inside = f"arts001:/data/{r.file(r.incomplete, 0)}/sub"
    r.sql("UPDATE dataproducts SET data_location = %s WHERE filename = %s", inside, r.file(r.incomplete, 1))


def share_a_place(r: Rehearsal) -> None:
    r.sql(
        "UPDATE dataproducts SET filename = %s, task_id = %s, status = 'valid' WHERE filename = %s",
        *(r.file(r.incomplete, 0), r.removed, r.file(r.removed, 0)),
    )


def nest_copies(r: Rehearsal) -> None:
    r.sql(
        "UPDATE dataproducts SET archive_location = %s WHERE filename = %s",
        *(f"arts_sc1_timing/{r.removed}/{r.file(r.removed, 0)}/x", r.file(r.incomplete, 0)),
    )


def archive_from_outside(r: Rehearsal) -> None:
    (r.in_archive(r.removed, 0).parent / "followed.fits").write_bytes(b"outside")


def delete_outside(r: Rehearsal) -> None:
    (record(r) / OUTSIDE / "folder" / "file").unlink()


def write_without_a_disk(r: Rehearsal) -> None:
    (record(r) / "unmounted" / "written to arts001").mkdir(parents=True)


def leave_a_renamed_product(r: Rehearsal) -> None:
    (r.scene.data / "arts001/data/.a.fits.0123456789ab.removing").write_bytes(b"half")


@pytest.mark.parametrize(
    ("break_it", "wrong"),
    [
        (be_accepted, Violation.REFUSAL),
        (be_refused_too_early, Violation.REFUSAL),
        (be_refused_for_another_cause, Violation.REFUSAL),
        (be_refused_in_another_observation, Violation.REFUSAL),
        (count_a_lock_as_data, Violation.OTHER),
        (force_a_move, Violation.HOSTILE),
        (move_a_product, Violation.HOSTILE),
        (move_as_a_viewer, Violation.HOSTILE),
        (edit_a_checksum, Violation.HOSTILE),
        (edit_as_a_viewer, Violation.HOSTILE),
        (switch_deletion, Violation.HOSTILE),
        (write_a_receipt, Violation.HOSTILE),
        (answer_with_an_internal_error, Violation.OTHER),
        (nest_products, Violation.OTHER),
        (share_a_place, Violation.OTHER),
        (nest_copies, Violation.OTHER),
        (archive_from_outside, Violation.OTHER),
        (delete_outside, Violation.OTHER),
        (write_without_a_disk, Violation.OTHER),
        (leave_a_renamed_product, Violation.OTHER),
    ],
)
def test_each_thing_that_is_broken_is_seen(
    recorded: Rehearsal, break_it: Callable[[Rehearsal], None], wrong: Violation
) -> None:
    break_it(recorded)
    assert found(recorded) == {wrong}


@pytest.mark.parametrize("reason", ["DataDiffers: it differs", "DataDiffers(1): it differs"])
def test_a_refusal_after_the_fault_is_enough(recorded: Rehearsal, reason: str) -> None:
    act(recorded, "DATA_REPLACED", refusals=["ArchiveCopyWrong", "DataDiffers"])
    Journal(record(recorded) / TROUBLES).note("trouble", taskID=recorded.removed, reason=reason)
    assert found(recorded) == set()


def test_nothing_is_removed_while_deletion_is_switched_off(recorded: Rehearsal) -> None:
    (row,) = recorded.client.history(taskID=recorded.removed, name="removing", dataproduct__isnull=True)
    second = timedelta(seconds=1)
    assert found(recorded, [(row.timestamp - second, row.timestamp + second)]) == {Violation.SWITCH}
    assert found(recorded, [(row.timestamp - 60 * second, row.timestamp - second)]) == set()
    recorded.sql("DELETE FROM transitions WHERE status = 'removing'")
    assert found(recorded, [(row.timestamp - 10 * second, row.timestamp + 10 * second)]) == {Violation.SWITCH}
    assert found(recorded, [(row.timestamp - second, row.timestamp + 10 * second)]) == set()


def test_data_that_a_person_has_changed_count_as_observed(recorded: Rehearsal) -> None:
    """Only the bytes of the change satisfy the judge from then on."""
    name, copy = recorded.file(recorded.incomplete, 0), recorded.on_disk(recorded.incomplete, 0)
    changed = written(copy.with_name("changed"))
    changed_bytes = copy.with_name("changed").read_bytes()
    act(recorded, "DATA_REPLACED_CHECK", taskID=recorded.incomplete, filename=name, files=changed["files"])
    recorded.sql("UPDATE dataproducts SET checksum = %s WHERE filename = %s", changed["checksum"], name)
    wrong = {finding.wrong for finding in judge(evidence(recorded), recorded.expected)}
    assert wrong == {Violation.BYTES}
    copy.write_bytes(changed_bytes)
    assert judge(evidence(recorded), recorded.expected) == []


def test_the_observations_of_a_hostile_account_are_its_own(recorded: Rehearsal) -> None:
    task_id = recorded.observe("OF A HOSTILE ACCOUNT")
    recorded.sql("UPDATE transitions SET actor = 'telescope' WHERE task_id = %s", task_id)
    assert found(recorded) == set()
    assert Violation.OTHER not in {each.wrong for each in judge(evidence(recorded), recorded.expected)}
