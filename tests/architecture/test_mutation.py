"""The mutation tests try the right faults, report those that no test finds, and continue where they stopped."""

import subprocess
import tomllib
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_item import WorkResult

from standalone.settings import REPOSITORY
from tools.mutation.checkout import copy_checkout
from tools.mutation.covering import FailingTestsError, statement_lines
from tools.mutation.modules import TESTS, modules
from tools.mutation.operators import Provider, mutants
from tools.mutation.reasons import REASONS
from tools.mutation.report import Result, results, table
from tools.mutation.session import Attempts, Session, folder

MODULE = """
LIMIT = 5


def is_allowed(number: int | None) -> bool:
    return number <= LIMIT
"""
TESTS_OF_IT = """
from module import is_allowed


def test_small_and_large():
    assert is_allowed(4)
    assert not is_allowed(7)
"""
MORE = """

def test_limit():
    assert is_allowed(5)
    assert not is_allowed(6)
"""
#: What no test finds without those of MORE.
MISSED = {
    ("LIMIT = 5", "LIMIT = 6"),
    ("LIMIT = 5", "LIMIT = 4"),
    ("return number <= LIMIT", "return number < LIMIT"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one module and its tests, which miss the limit itself."""
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "test_module.py").write_text(TESTS_OF_IT)
    operators = tmp_path / "tools" / "mutation" / "operators.py"
    operators.parent.mkdir(parents=True)
    operators.write_text("")
    (tmp_path / ".gitignore").write_text("/.atdb-mutation/\n__pycache__/\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.delenv("COVERAGE_FILE", raising=False)
    return tmp_path


def session(project: Path) -> Session:
    return Session("module.py", ("test_module.py",), copy_checkout(project), folder(project))


def result_of(project: Path, reasons: Path = REASONS) -> Result:
    (result,) = results([("module.py", session(project).path)], reasons)
    return result


def survivors(project: Path) -> set[tuple[str, str]]:
    return {(survivor.before, survivor.after) for survivor in result_of(project).survivors}


@pytest.mark.parametrize("name", sorted(Provider.operators))
def test_an_operator_makes_the_faults_of_its_examples(name: str) -> None:
    operator = Provider.operators[name]
    for example in operator.examples():
        made = mutate_code(example.pre_mutation_code, operator(), example.occurrence)
        assert made == example.post_mutation_code


def test_each_module_is_listed_once_and_each_listed_test_exists() -> None:
    for pattern, tests in TESTS.items():
        assert list(REPOSITORY.glob(pattern)), pattern
        assert [test for test in tests if not list(REPOSITORY.glob(test))] == [], pattern
    names = [module for module, tests in modules(REPOSITORY) if tests]
    assert len(names) == len(set(names)) > 40


def test_no_fault_is_tried_twice_or_in_annotations_or_the_passing_of_arguments_only(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    definition = "def f(a: int | None, *, b: str = '') -> bool | None:"
    module.write_text(f"{definition}\n    if not a is None:\n        return True\n    a.b: int\n")
    made = [(spec.operator_name, spec.start_pos) for spec in mutants(module)]
    assert made == [
        ("core/ReplaceComparisonOperator_Is_IsNot", (2, 13)),
        ("core/ReplaceTrueWithFalse", (3, 15)),
        ("atdb/DropStatement", (3, 8)),
    ]


def test_the_lines_of_a_statement_are_those_that_its_tests_run(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f(\n    a,\n):\n    return (\n        a,\n        1,\n    )\n")
    assert statement_lines(module, 6) == range(4, 8)
    assert statement_lines(module, 2) is None


def test_survivors_are_reported_with_their_reasons_and_tried_again_with_new_tests(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session(project).run()
    assert survivors(project) == MISSED
    assert "| module.py | 4 | 4 | 1 | 3 | 0 | 25 % |" in table([result_of(project)])

    reasons = tmp_path / "reasons.toml"
    entry = '[[survivor]]\nmodule = "module.py"\nbefore = "LIMIT = 5"\nafter = "LIMIT = {}"\nreason = "{}"\n'
    reasons.write_text(entry.format(6, "no limit is 6") + entry.format(4, "equal") + "harmless = true\n")
    report = table([result_of(project, reasons)])
    assert "| module.py | 4 | 4 | 1 | 3 | 1 | 33 % |" in report
    assert "- line 2: no limit is 6\n    - before: `LIMIT = 5`\n    - after:  `LIMIT = 6`" in report
    assert "- line 6: NO REASON YET" in report

    capsys.readouterr()
    session(project).run()
    assert capsys.readouterr().out == ""  # nothing is left to do
    with (project / "test_module.py").open("a") as file:
        file.write(MORE)
    session(project).run()
    assert "module.py: 3 faults to try" in capsys.readouterr().out
    assert survivors(project) == set()
    assert (project / "module.py").read_text() == MODULE


def test_a_session_continues_where_it_was_stopped(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt, calls = Attempts.attempt, count(1)

    def stopped_at_the_third(self: Attempts, *arguments: Any) -> WorkResult:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return attempt(self, *arguments)

    with monkeypatch.context() as stopping:
        stopping.setattr(Attempts, "attempt", stopped_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            session(project).run()
    assert result_of(project).tried == 2
    capsys.readouterr()
    session(project).run()
    assert "module.py: 2 faults to try" in capsys.readouterr().out
    assert survivors(project) == MISSED


def test_tests_that_fail_without_a_fault_are_an_error(project: Path) -> None:
    with (project / "test_module.py").open("a") as file:
        file.write("\n\ndef test_wrong():\n    assert False\n")
    with pytest.raises(FailingTestsError, match="fail without a fault"):
        session(project).run()


def test_what_the_tests_leave_behind_is_deleted(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    places = tmp_path / "places"
    with (project / "test_module.py").open("a") as file:
        file.write("\n\ndef test_leaves():\n    import tempfile\n")
        file.write(f"    print(tempfile.mkdtemp(), file=open({str(places)!r}, 'a'))\n    assert is_allowed(4)\n")
    session(project).run()
    left = places.read_text().split()
    assert len(left) > 2
    assert all(Path(place).is_relative_to(temporary) for place in left)
    assert list(temporary.iterdir()) == []


def test_each_reason_is_that_of_a_line_that_exists() -> None:
    for entry in tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", ()):
        source = " ".join((REPOSITORY / entry["module"]).read_text(encoding="utf-8").split())
        assert entry["before"] in source, entry
        assert entry["reason"], entry
