"""Find writes of statuses and of history outside the one module that does them: `python -m tools.one_writer`.

A write is a new transition, the assignment of a row's status (also by `setattr`, a keyword or a dictionary), or
SQL that changes one of the tables. The check cannot see a name that is only known when the program runs.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path("atdb_api")
WRITER = PACKAGE / "services" / "history.py"
TABLES = {"Transition", "Observation", "DataProduct"}
_SQL = re.compile(
    r"\b(insert\s+into|update|delete\s+from|merge\s+into)\s+(only\s+)?(\w+\.)?\"?(transitions|observations|dataproducts)\b",
    re.IGNORECASE,
)


def writes(source: str) -> Iterator[int]:
    """Yield the lines that create a transition, set the status of a row, or contain SQL that writes."""
    tree = ast.parse(source)
    tables = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("atdb_api")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.asname or alias.name for alias in node.names if alias.name.startswith("atdb_api")]
            tables.update((name.partition(".")[0], "") for name in names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "status":
            yield node.lineno
        if isinstance(node, ast.Call) and _is_write(node, tables):
            yield node.lineno
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
            yield node.lineno


def _table(node: ast.expr | None, tables: dict[str, str]) -> str:
    """Return the name of the table that an expression is, if it is one. `tables` has the names of modules too."""
    match node:
        case ast.Name(name):
            return tables.get(name, "")
        case ast.Attribute(module, attribute) if ast.unparse(module).partition(".")[0] in tables:
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


def main() -> int:
    """Print each write with its place. Return 1 if there is any, else 0."""
    lines = [
        f"{path}:{line}: only {WRITER} sets statuses and writes history"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != WRITER and "migrations" not in path.parts
        for line in writes(path.read_text(encoding="utf-8"))
    ]
    print("\n".join(lines) or "One module sets statuses and writes history.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
