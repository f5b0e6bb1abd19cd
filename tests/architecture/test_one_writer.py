"""Only one module sets statuses and writes history: no other creates a transition or assigns a status."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import atdb_api

ROOT = Path(atdb_api.__file__).parent
WRITER = ROOT / "services" / "history.py"
TABLES = {"Transition", "Observation", "DataProduct"}
IMPORTS = """
from atdb_api import models
from atdb_api.models import Observation as Row, Transition as Step
from atdb_interface import models as wire
"""


def writes(source: str) -> Iterator[int]:
    """Return the lines that create a transition, or set the status of a row."""
    tree = ast.parse(source)
    tables = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("atdb_api")
        for alias in node.names
        if alias.name in (*TABLES, "models")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "status":
            yield node.lineno
        if isinstance(node, ast.Call) and _is_write(node, tables):
            yield node.lineno


def _table(node: ast.expr | None, tables: dict[str, str]) -> str:
    """Return the name of the table that an expression is, if it is one."""
    match node:
        case ast.Name(name):
            return tables.get(name, "")
        case ast.Attribute(ast.Name(name), attribute) if tables.get(name) == "models":
            return attribute
    return ""


def _is_write(call: ast.Call, tables: dict[str, str]) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    created, written = _table(call.func, tables), _table(call.args[0] if call.args else None, tables)
    keys = [key for each in call.args if isinstance(each, ast.Dict) for key in each.keys]
    sets_status = "status" in {
        *(keyword.arg for keyword in call.keywords),
        *(getattr(key, "value" if isinstance(key, ast.Constant) else "attr", None) for key in keys),
    }
    return (
        created == "Transition"
        or (sets_status and (created in TABLES or name == "values"))
        or (written == "Transition" and name in ("insert", "update"))
        or (name == "setattr" and isinstance(call.args[1], ast.Constant) and call.args[1].value == "status")
    )


def test_one_module_writes_history() -> None:
    modules = [path for path in ROOT.rglob("*.py") if path != WRITER and "migrations" not in path.parts]
    assert len(modules) > 50
    writers = [f"{path}:{line}" for path in modules for line in writes(path.read_text("utf-8"))]
    assert writers == []
    assert len(list(writes(WRITER.read_text("utf-8")))) > 3


@pytest.mark.parametrize(
    "line",
    [
        "Step(task_id='190405034')",
        "models.Transition(task_id='190405034')",
        "insert(Step)",
        "row.status = Status.VALID",
        "before, row.status = row.status, Status.VALID",
        "Row(status=Status.VALID)",
        "update(Row).values(status=Status.VALID)",
        "update(Row).values({'status': Status.VALID})",
        "update(Row).values({Row.status: Status.VALID})",
        "setattr(row, 'status', Status.VALID)",
    ],
)
def test_another_writer_is_found(line: str) -> None:
    assert list(writes(IMPORTS + line)) == [IMPORTS.count("\n") + 1]


@pytest.mark.parametrize(
    "line", ["select(Step).where(Step.status == Status.VALID)", "wire.Transition(id=1)", "row.name = row.status"]
)
def test_what_only_reads_is_no_writer(line: str) -> None:
    assert list(writes(IMPORTS + line)) == []
