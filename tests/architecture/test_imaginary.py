"""A new status, action and stage in the tables: all pages and documents follow, or a test fails."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Postgres

REPOSITORY = Path(__file__).parents[2]
#: The lines that a developer adds to lifecycle.py and actions.py, and the line before which they go.
LIFECYCLE = (
    (
        '    VALID = "valid"\n    COMPLETED',
        '    CALIBRATING = "calibrating"\n    EXPORTED = "exported"\n'
        '    PARKED = "parked"\n    REJECTED = "rejected"\n',
    ),
    ('    TELESCOPE = "telescope"\n', '    CALIBRATE = "calibrate"\n'),
    ('    RETRY = "retry"\n', '    CALIBRATE = "calibrate"\n'),
    (
        "    S.VALID: _Row(Group.WAITING",
        "    S.CALIBRATING: _Row(\n"
        "        Group.WORKING,\n"
        "        Phase.OBSERVED,\n"
        "        {S.VALID: A.CALIBRATE},\n"
        "        expected=3 * _HOUR,\n"
        "    ),\n"
        "    S.EXPORTED: _Row(Group.DONE, Phase.OBSERVED),\n"
        "    S.PARKED: _Row(Group.WAITING, Phase.OBSERVED),\n"
        "    S.REJECTED: _Row(Group.ENDED, Phase.OBSERVED, holdable=False, cancellable=False),\n",
    ),
    (
        "STAGES = (SPECIFY",
        "CALIBRATE = Stage(A.CALIBRATE, S.ARCHIVED, working=S.CALIBRATING, error=S.VALID, resumable=True)\n",
    ),
)
ACTIONS = (
    (
        "    Action.RETRY: ActionRow(",
        '    Action.CALIBRATE: ActionRow("Calibrate", "calibrate it", "It becomes {target}."),\n',
    ),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the contract with the rows of an imaginary status; everything else is the checkout's."""
    folder = tmp_path_factory.mktemp("tree")
    package = folder / "atdb_interface"
    shutil.copytree(REPOSITORY / "atdb_interface", package)
    for name, additions in (("lifecycle.py", LIFECYCLE), ("actions.py", ACTIONS)):
        text = (package / name).read_text(encoding="utf-8")
        for before, added in additions:
            assert text.count(before) == 1, before
            text = text.replace(before, added + before)
        (package / name).write_text(text, encoding="utf-8")
    lifecycle = package / "lifecycle.py"
    text = lifecycle.read_text(encoding="utf-8")
    valid = "S.VALID: _Row(Group.WAITING, Phase.OBSERVED, {S.INGESTING: A.INGEST}, "
    assert text.count(valid) == 1
    acts = f"{valid}actions={{Action.CALIBRATE: S.CALIBRATING}}, "
    text = text.replace(valid, acts).replace("INGEST, REMOVE)", "INGEST, REMOVE, CALIBRATE)")
    lifecycle.write_text(text, encoding="utf-8")
    return folder


def run_in(tree: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the contract of a copy."""
    path = f"{tree}{os.pathsep}{REPOSITORY}"
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": "", **environment},
    )


@pytest.fixture(scope="module")
def run(tree: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    return partial(run_in, tree)


@pytest.fixture(scope="module")
def results(
    run: Callable[..., subprocess.CompletedProcess[str]], postgres: Postgres
) -> tuple[dict[str, Any], str]:
    """What the project derives from the copy, and the help of the command line."""
    done = run("-m", "tests.architecture.imaginary", postgres.new_database())
    assert done.returncode == 0, done.stderr[-3000:]
    first, _, rest = done.stdout.partition("\n")
    return json.loads(first), rest


def test_each_page_shows_the_status(results: tuple[dict[str, Any], str]) -> None:
    for path, page in results[0]["pages"].items():
        assert "calibrating" in page or path == "/services/", path
    assert "calibrate" in results[0]["pages"]["/services/"]


def test_lists_find_it_and_call_it_overdue(results: tuple[dict[str, Any], str]) -> None:
    assert results[0]["list"]["count"] == results[0]["overdue"]["count"] == 1
    assert results[0]["expected_seconds"] == 3 * 3600


def test_the_explanation_of_a_new_status_states_only_what_the_history_has(
    results: tuple[dict[str, Any], str],
) -> None:
    since = "2019-04-05T12:00:00Z"
    assert results[0]["why"] == {
        "exported": f"Set to exported by tests at {since}.",
        "parked": f"Set to parked by tests at {since}.",
        "rejected": f"Set to rejected by tests at {since}. This is final.",
    }


def test_the_view_for_reports_has_it(results: tuple[dict[str, Any], str]) -> None:
    rows = results[0]["statuses_view"]
    assert "    ('calibrating', 7, 'calibrate', 'working'),\n" in rows
    assert "    ('rejected', 10, null, 'final'),\n" in rows


def test_the_drawing_has_a_box_for_it(results: tuple[dict[str, Any], str]) -> None:
    assert "calibrating" in results[0]["boxes"]


def test_the_action_is_offered_everywhere(results: tuple[dict[str, Any], str]) -> None:
    assert results[0]["target"] == "calibrating"
    assert set(results[0]["actions"]) == {"hold", "cancel"}
    assert "calibrate it" in results[1]
    assert "&#34;calibrate&#34;" in results[0]["pages"]["/atdb/openapi.json"]


@pytest.mark.parametrize(
    ("tests", "missing"),
    [
        ("tests/dags/test_dags.py", "calibrate"),
    ],
)
def test_what_cannot_follow_fails(
    run: Callable[..., subprocess.CompletedProcess[str]], tests: str, missing: str, tmp_path: Path
) -> None:
    """A stage needs a DAG: a test names the missing one."""
    options = (
        "-p",
        "no:cacheprovider",
        "--import-mode=append",
        "--rootdir",
        str(REPOSITORY),
        "--basetemp",
        str(tmp_path / "pytest"),
    )
    done = run("-m", "pytest", "-q", "-x", *options, str(REPOSITORY / tests))
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert missing in done.stdout


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Group.WORKING, Phase.OBSERVED", "parked: a status is in Group.WORKING if"),
        ("Group.WAITING, Phase.OBSERVED, actions={_RETRY: S.VALID}", "parked: only a status in Group.ATTENTION"),
        ("Group.WAITING, Phase.OBSERVED, actions={_CHECK: S.PARKED}", "parked: a step or an action leads from"),
    ],
)
def test_a_row_that_contradicts_itself_stops_every_program(
    tree: Path, tmp_path: Path, row: str, problem: str
) -> None:
    """The first import of the tables fails and names the status."""
    package = shutil.copytree(tree / "atdb_interface", tmp_path / "atdb_interface")
    lifecycle = package / "lifecycle.py"
    text = lifecycle.read_text(encoding="utf-8")
    parked = "S.PARKED: _Row(Group.WAITING, Phase.OBSERVED)"
    assert text.count(parked) == 1
    lifecycle.write_text(text.replace(parked, f"S.PARKED: _Row({row})"), encoding="utf-8")
    done = run_in(tmp_path, "-m", "atdb_interface.cli.main", "--help")
    assert done.returncode == 1
    assert f"\n{problem}" in done.stderr
