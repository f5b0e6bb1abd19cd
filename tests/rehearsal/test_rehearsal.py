"""A short rehearsal with a fixed seed: the whole stack with faults of each kind, checked to the byte."""

from collections import Counter
from pathlib import Path

import pytest

from standalone.rehearsal import run, script
from standalone.rehearsal.faults import OF_ALL, OF_TASKS, RehearsedFault

T = RehearsedFault

OWN = (
    T.PRODUCT_MISSING,
    T.TELESCOPE_REPORTS_TWICE,
    T.PRODUCT_OTHER_KIND,
    T.CANCEL,
    T.DISK_FULL_FOR_A_WHILE,
    T.TELESCOPE_ANSWERS_TWICE,
    T.HOLD,
    None,
)
COMMON = (T.KILL_TASK, T.KILL_ATDB_API, T.ARCHIVE_WRITES_OTHER)
SEED = 7


@pytest.mark.timeout(900)
def test_a_short_rehearsal_loses_nothing(tmp_path: Path) -> None:
    written = script.write_short(SEED, OWN, COMMON, seconds=25)
    assert run.play(run.own_settings(tmp_path / "rehearsal"), written, patience_seconds=300) == 0


def test_the_same_seed_gives_the_same_script() -> None:
    assert script.write(100, 5) == script.write(100, 5) != script.write(100, 6)


def test_a_full_rehearsal_has_every_fault() -> None:
    written = script.write(100, 5)
    own = Counter(role.trouble for role in written.roles)
    common = Counter(cue.trouble for cue in written.cues)
    assert set(own) == {*OF_TASKS, None}
    assert set(common) == set(OF_ALL)
    assert {*OF_TASKS, *OF_ALL} == set(RehearsedFault)
    assert min(*own.values(), *common.values()) >= 1
