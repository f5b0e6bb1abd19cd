"""`make check` finds long modules, and modules that import each other."""

from pathlib import Path

import grimp
import pytest

from standalone.settings import REPOSITORY
from tools import structure


def test_no_module_is_too_long_and_none_import_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert structure.check() == 0
    assert capsys.readouterr().out == "No module has more than 400 lines, and no modules import each other.\n"


def test_a_long_module_is_found(tmp_path: Path) -> None:
    short, long = tmp_path / "a.py", tmp_path / "b.py"
    short.write_text("a = 1\n" * 400, encoding="utf-8")
    long.write_text("a = 1\n" * 401, encoding="utf-8")
    assert list(structure.too_long([long, short])) == [f"{long}: 401 lines, more than 400. Split the module."]


def test_a_cycle_of_imports_is_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "d")):
        graph.add_import(importer=importer, imported=imported)
    assert list(structure.cycles(graph)) == []
    graph.add_import(importer="c", imported="a")
    (message,) = structure.cycles(graph)
    assert all(f"{module} <- " in message for module in "abc")
    assert "d" not in message.partition(":")[2].partition(".")[0]
