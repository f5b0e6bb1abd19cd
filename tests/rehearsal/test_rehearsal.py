"""A short rehearsal with a fixed seed: the whole stack with faults of each kind, checked to the byte."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from standalone.rehearsal import outcome, run, script
from standalone.rehearsal.faults import OF_ALL, OF_OBSERVATIONS, UNMOUNTS, RehearsalRecord, RehearsedFault
from standalone.rehearsal.night_operator import named_action

T = RehearsedFault

OWN = (
    T.PRODUCT_MISSING,
    T.TELESCOPE_REPORTS_TWICE,
    T.PRODUCT_OTHER_KIND,
    T.CANCEL,
    T.DATA_REPLACED,
    T.TELESCOPE_ANSWERS_TWICE,
    T.UNMOUNTED_BEFORE_REMOVE,
    T.HOLD,
    None,
)
COMMON = (T.KILL_TASK, T.KILL_ATDB_API, T.ARCHIVE_WRITES_OTHER, T.DELETION_OFF)
SEED = 7


@pytest.mark.timeout(900)
def test_a_short_rehearsal_loses_nothing(tmp_path: Path) -> None:
    written = script.write_short(SEED, OWN, COMMON, seconds=25)
    assert run.play(run.own_settings(tmp_path / "rehearsal"), written, patience_seconds=300) == 0


def test_the_same_seed_gives_the_same_script() -> None:
    assert script.write(100, 5) == script.write(100, 5) != script.write(100, 6)


def test_a_full_rehearsal_has_every_fault() -> None:
    written = script.write(100, 5)
    own = Counter(each.fault for each in written.observations)
    common = Counter(each.fault for each in written.faults)
    assert set(own) == {*OF_OBSERVATIONS, None}
    assert set(common) == set(OF_ALL)
    assert {*OF_OBSERVATIONS, *OF_ALL, T.HOSTILE} == set(RehearsedFault)
    assert {"viewer"} < set(written.hostile_roles)
    assert min(*own.values(), *common.values()) >= 1


def test_a_small_rehearsal_has_some_faults_of_each_kind() -> None:
    """Several seeds together have all of them."""
    scripts = [script.write(12, seed) for seed in range(40)]
    assert {each.fault for written in scripts for each in written.observations} == {*OF_OBSERVATIONS, None}
    assert {each.fault for written in scripts for each in written.faults} == set(OF_ALL)
    assert all(len(written.faults) == 4 for written in scripts)


@pytest.mark.parametrize("seed", range(5))
def test_a_fault_gets_an_observation_to_which_it_applies(seed: int) -> None:
    observations = script.write(100, seed).observations
    hosts = Counter(str(each.specification["data_location"]).partition(":")[0] for each in observations)
    for scripted in observations:
        host = str(scripted.specification["data_location"]).partition(":")[0]
        assert (hosts[host] == 1) == (scripted.fault in UNMOUNTS)
        if scripted.fault is T.LOCK_GROWING:
            assert scripted.specification["observing_mode"] == "imaging"


@pytest.mark.parametrize("seed", range(5))
def test_atdb_accepts_every_scripted_specification(client: Client, seed: int) -> None:
    begin = datetime.now(UTC) + timedelta(days=1)
    for scripted in script.write(40, seed).observations:
        start = begin + timedelta(seconds=scripted.starts)
        assert client.create_observation(scripted.specification | {"starttime": start.isoformat()}).taskID


def test_a_fault_without_effect_is_counted() -> None:
    record = RehearsalRecord()
    scripted = Counter({T.DATA_REPLACED: 2, T.HOLD: 2, T.KILL_TASK: 1})
    record.inject(T.DATA_REPLACED, "190405001")
    record.inject(T.HOLD, "190405002")
    assert +outcome.missing(record, scripted) == Counter({T.DATA_REPLACED: 1, T.KILL_TASK: 1})
    rows = [line.split("  ") for line in outcome.table(record, [], scripted).splitlines()]
    shown = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert shown[T.DATA_REPLACED][:2] == ["1", "1"]
    assert shown[T.HOLD][:2] == ["1", "0"]
    assert shown["all"][:2] == ["2", "2"]


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("DataDiffers: a.fits differs from the archive. Use the action check: the data are", Action.CHECK),
        (
            "no attempt can succeed: ArchiveCopyWrong: It is not what was observed. Use the action ingest.",
            Action.INGEST,
        ),
        ("NotAProduct: a link is in it. Move or unmount it, then retry.", None),
        ("", None),
    ],
)
def test_the_night_operator_does_what_the_error_advises(reason: str, action: Action | None) -> None:
    assert named_action(reason) is action
