"""The tables of old and new names: the new names exist, and no old name has returned."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from standalone.settings import REPOSITORY

PACKAGES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "standalone")
#: The notes on old names that still work, or that are now the name of a package.
REMAINS = re.compile("stay|alias|now a package")


class Row(NamedTuple):
    """A row of a table. `of_modules`: it has names of modules, not of what a module defines."""

    package: str
    of_modules: bool
    old: str
    new: str
    note: str


def rows(text: str) -> Iterator[Row]:
    package, of_modules = "", False
    for line in text.splitlines():
        if line.startswith("## "):
            package = line.removeprefix("## ")
        elif line.startswith("| Old "):
            of_modules = line.startswith("| Old module")
        elif line.startswith("| `"):
            yield Row(package, of_modules, *(cell.strip() for cell in line.strip("|").split("|")))


ROWS = [*rows((REPOSITORY / "docs" / "names.md").read_text(encoding="utf-8"))]
MODULES = [row for row in ROWS if row.of_modules]
DEFINITIONS = [row for row in ROWS if not row.of_modules]


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def file_of(package: str, module: str) -> Path | None:
    whole = module if module.partition(".")[0] in PACKAGES else f"{package}.{module}"
    path = REPOSITORY.joinpath(*whole.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.exists()), None)


def is_defined(package: str, name: str) -> bool:
    """Return whether a module defines a name, or a class in a module an attribute."""
    module, _, last = name.rpartition(".")
    if file := file_of(package, module):
        return last in definitions(file)
    outer, _, owner = module.rpartition(".")
    file = file_of(package, outer) if outer else None
    return file is not None and {owner, last} <= definitions(file)


@cache
def definitions(file: Path) -> frozenset[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
    return frozenset(found)


def test_each_package_has_rows() -> None:
    assert {row.package for row in MODULES} == {row.package for row in DEFINITIONS} == {*PACKAGES}


@pytest.mark.parametrize("row", MODULES, ids=lambda row: f"{row.package}.{row.old}")
def test_an_old_module_has_gone_and_the_new_ones_exist(row: Row) -> None:
    (old,) = names(row.old)
    assert REMAINS.search(row.note) or file_of(row.package, old) is None, "give the module another name"
    new = [name for name in names(row.new) if file_of(row.package, name) is None]
    assert new == [], "correct the row in docs/names.md"


@pytest.mark.parametrize("row", DEFINITIONS, ids=lambda row: f"{row.package}.{row.old}")
def test_an_old_definition_has_gone_and_the_new_ones_exist(row: Row) -> None:
    old = [name for name in names(row.old) if "." in name and is_defined(row.package, name)]
    assert REMAINS.search(row.note) or old == [], "give it another name"
    new = [name for name in names(row.new) if "." in name and not is_defined(row.package, name)]
    assert new == [], "correct the row in docs/names.md"
