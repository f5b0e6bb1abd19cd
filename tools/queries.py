"""Find queries in pages and views, which only render: `python -m tools.queries`.

The linter forbids pages to import SQLAlchemy and the tables. A statement that a function of a lower layer returns
can pass by these contracts, so this check finds its use: a call of the session, a condition, or such a function.
"""

import ast
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

PACKAGE = Path("atdb_api")
#: The packages that only render, and the methods of the session that they can call all the same.
ALLOWED = {
    "gui": frozenset[str](),
    "html": frozenset[str](),
    "openapi": frozenset[str](),
    "views": frozenset({"flush", "refresh"}),  # the answer contains what the database has computed
}
_CONSTRUCTORS = frozenset({"select", "insert", "update", "delete", "text", "exists"})
_METHODS = frozenset({"where", "execute", "scalar", "scalars", "order_by", "outerjoin"})
_STATEMENTS = ("Select", "ColumnElement")


def statement_functions(sources: Collection[str]) -> frozenset[str]:
    """Return the names of the functions that return a statement, or a part of one."""
    return frozenset(
        node.name
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _returns_statement(node)
    )


def queries(source: str, returning: frozenset[str], allowed: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each call that is a query, or makes a part of one."""
    tree = ast.parse(source)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in _CONSTRUCTORS
    }
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.startswith("sqlalchemy")
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(name)) if name in imported | returning:
                yield node.lineno, name
            case ast.Call(ast.Attribute(module, name)) if name in _CONSTRUCTORS and ast.unparse(module) in modules:
                yield node.lineno, name
            case ast.Call(ast.Attribute(ast.Name("session"), name)) if name not in allowed:
                yield node.lineno, f"session.{name}"
            case ast.Call(ast.Attribute(value, name)) if name in returning | _METHODS:
                if not isinstance(value, ast.Name) or value.id != "session":
                    yield node.lineno, name


def main() -> int:
    """Print each query with its place. Return 1 if there is any, else 0."""
    modules = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    returning = statement_functions([text for path, text in modules.items() if "migrations" not in path.parts])
    lines = [
        f"{path}:{line}: {name}: pages and views only render; move it to atdb_api/reads or services"
        for path, text in modules.items()
        if (layer := path.parts[1]) in ALLOWED
        for line, name in queries(text, returning, ALLOWED[layer])
    ]
    print("\n".join(lines) or "Pages and views contain no queries.")
    return int(bool(lines))


def _returns_statement(function: ast.FunctionDef) -> bool:
    annotation = ast.unparse(function.returns) if function.returns else ""
    return any(word in annotation for word in _STATEMENTS)


if __name__ == "__main__":
    sys.exit(main())
