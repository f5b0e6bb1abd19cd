"""Find queries in pages and views, which only render: `python -m tools.queries`.

The linter forbids pages to import SQLAlchemy and the tables. A statement that a function of a lower layer returns
can pass by these contracts, so this check finds its use: a call of a session, a condition, or such a function. A
session is what a module names `session`, annotates as `Session`, or opens with `Session()` or `transaction()`.
"""

import ast
import re
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
_SESSIONS = frozenset({"Session", "scoped_session"})
#: The functions that open a session.
_OPENERS = frozenset({"transaction", "object_session"})
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
    sessions = _sessions(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(name)) if name in imported | returning:
                yield node.lineno, name
            case ast.Call(ast.Attribute(module, name)) if name in _CONSTRUCTORS and ast.unparse(module) in modules:
                yield node.lineno, name
            case ast.Call(ast.Attribute(ast.Name(session), name)) if session in sessions:
                if name not in allowed:
                    yield node.lineno, f"{session}.{name}"
            case ast.Call(ast.Attribute(_, name)) if name in returning | _METHODS:
                yield node.lineno, name


def _sessions(tree: ast.Module) -> frozenset[str]:
    """Return the names that a module gives to sessions of the database."""
    names = {"session"}
    for _ in range(2):  # the second time finds the copies of names that are bound later in the module
        for node in ast.walk(tree):
            match node:
                case ast.arg(name, annotation) | ast.AnnAssign(ast.Name(name), annotation) if _is_session(
                    annotation
                ):
                    names.add(name)
                case ast.Assign([ast.Name(name)], value) | ast.NamedExpr(ast.Name(name), value):
                    if _opens_session(value, names):
                        names.add(name)
                case ast.withitem(value, ast.Name(name)) if _opens_session(value, names):
                    names.add(name)
    return frozenset(names)


def _is_session(annotation: ast.expr | None) -> bool:
    words = re.findall(r"\w+", ast.unparse(annotation)) if annotation else []
    return not _SESSIONS.isdisjoint(words) and "Callable" not in words


def _opens_session(value: ast.expr, names: Collection[str]) -> bool:
    match value:
        case ast.Name(name):
            return name in names
        case ast.Call(ast.Name(name) | ast.Attribute(_, name)):
            return name in _SESSIONS or name in _OPENERS
    return False


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
