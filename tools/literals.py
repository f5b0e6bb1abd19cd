"""`python -m tools.literals`: find statuses that code writes as text instead of members of their enumerations.

Only the table of the lifecycle names them. What the judge of a rehearsal knows is written by hand, so that it can
disagree; and Airflow has a state of the same name.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from atdb_interface.lifecycle import ProductStatus, Status

PACKAGES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "dags", "standalone")
EXEMPT = (
    Path("atdb_interface/lifecycle.py"),
    Path("atdb_api/migrations"),
    Path("standalone/rehearsal/checker.py"),
    Path("standalone/rehearsal/outcome.py"),
    Path("standalone/rehearsal/reference_lifecycle.py"),
    Path("atdb_plugins/airflow_api.py"),
)
WORDS = frozenset({*Status, *ProductStatus})


def literals(path: Path) -> Iterator[ast.Constant]:
    """Return the constants of a file that are a status."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in WORDS:
            yield node


def main() -> int:
    """Print each; the exit status is 1 if there is one."""
    lines = [
        f"{path}:{node.lineno}: {node.value!r}: use the enumeration of atdb_interface/lifecycle.py"
        for package in PACKAGES
        for path in sorted(Path(package).rglob("*.py"))
        if not any(path.is_relative_to(exempt) for exempt in EXEMPT)
        for node in literals(path)
    ]
    print("\n".join(lines) or "No status is written as text.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
