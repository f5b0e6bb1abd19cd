"""Find statuses that are written as text instead of members of their enumerations: `python -m tools.literals`.

In Python, pages and scripts, only the table of the lifecycle contains them as text. SQL must contain them. A list
of statuses in SQL must be one of those that derive from the table, so that it cannot miss a new status. The
checker of a rehearsal and its hostile accounts have statuses of their own, so that they can disagree. Airflow and
Docker use the same names.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from atdb_interface.lifecycle import USE_THE_TELESCOPE, ProductStatus, Status, statuses

PLACES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "dags", "sql", "standalone")
EXEMPT = (
    Path("atdb_interface/lifecycle.py"),
    Path("atdb_api/migrations"),
    Path("standalone/backup/containers.py"),
    *(Path("standalone/rehearsal") / name for name in ("checker.py", "data_checker.py", "reference_lifecycle.py")),
    *(Path("standalone/rehearsal") / name for name in ("hostile.py", "random_requests.py")),
    Path("atdb_plugins/airflow_api.py"),
    Path("operators/maintenance/airflow_tables.py"),
)
_OVER = {*statuses(lambda row: row.expected is None)}
#: The lists that SQL can contain: ended, ended or scheduled, planned or at the telescope, and valid products.
LISTS = (
    _OVER,
    {*_OVER, Status.SCHEDULED},
    {*USE_THE_TELESCOPE},
    {ProductStatus.VALID, ProductStatus.ARCHIVED},
)
_STATUS = "|".join(sorted(map(re.escape, {*Status, *ProductStatus}), key=len, reverse=True))
#: A status that is a whole text, or is part of one in quotes, in brackets, in a list or as a value.
_WRITTEN = re.compile(rf"(?:^|(?<=[\"'=,(\[]))(?:{_STATUS})(?=$|[\"'&,)\]])")
_LIST = re.compile(r"\bin\s*\(\s*('[^()]*(?:\([^()]*\)[^()]*)*')\s*\)")


def literals(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each status that is written as text in a file."""
    if path.suffix == ".py":
        tree = ast.parse(text)
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield from ((node.lineno, status) for status in _WRITTEN.findall(node.value))
    elif path.suffix in (".html", ".js"):
        for number, line in enumerate(text.splitlines(), start=1):
            yield from ((number, status) for status in _WRITTEN.findall(line))
    elif path.suffix == ".sql":
        for match in _LIST.finditer(text):
            listed = set(re.findall("'([^']*)'", match[1]))
            if listed & {*Status} and listed not in LISTS:
                yield text.count("\n", 0, match.start()) + 1, match[1]


def main() -> int:
    """Print each status with its place. Return 1 if there is any, else 0."""
    lines = [
        f"{path}:{line}: {status!r}: use a name that derives from the table in atdb_interface/lifecycle.py"
        for place in PLACES
        for path in sorted(Path(place).rglob("*.*"))
        if path.suffix in (".py", ".html", ".js", ".sql") and not any(path.is_relative_to(each) for each in EXEMPT)
        for line, status in literals(path, path.read_text(encoding="utf-8"))
    ]
    print("\n".join(lines) or "No status is written as text.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
