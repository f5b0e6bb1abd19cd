"""Find words of Apertif outside its own modules: modes, names and types of products, data hosts.

`make check` runs this.

Docstrings and comments, including those of SQL views, can have examples, because they are not executed.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.apertif.products import TYPES

_PACKAGES = ("atdb_api", "atdb_interface", "atdb_plugins", "dags", "operators", "sql", "standalone")
#: The files that can contain them: the instrument, its command, its simulator and its rehearsal.
_OF_APERTIF = (
    "atdb_interface/cli/atdb_service.py",
    "atdb_interface/instruments/apertif/",
    "standalone/rehearsal/",
    "standalone/simulator/",
)
#: The name of the default instrument.
_DEFAULT = ("atdb_interface/instruments/in_use.py", "apertif")
_KINDS = {".py", ".html", ".js", ".css", ".sql", ".cfg"}
_NAMES = {
    *(mode.name for mode in APERTIF.modes),
    *(mode.data_host.rstrip("0123456789") for mode in APERTIF.modes),
    *(APERTIF.site.name, "WSRTA", "ARTS", "Apertif", "Westerbork"),
}


def pattern(names: Iterable[str], endings: Iterable[str], types: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds names as words or parts of identifiers, endings of names, and types as values.

    A type is often an English word too, so it is found only if it is the whole text, or is in quotes.
    """
    name, ending, kind = (
        "|".join(sorted(map(re.escape, each), key=len, reverse=True)) for each in (names, endings, types)
    )
    return re.compile(
        rf"(?<![A-Za-z])(?i:{name})(?![a-z])(?!(?<=[A-Z])[A-Z])|(?:{ending})\b|(?:^|(?<=[\"']))(?:{kind})(?=$|[\"'])"
    )


_WORD = pattern(_NAMES, APERTIF.endings, TYPES)


def words(path: Path, text: str, word: re.Pattern[str] = _WORD) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each such word in a file."""
    for line, part in _of_python(text) if path.suffix == ".py" else _of_text(path, text):
        for found in word.findall(part):
            yield line, found


def _of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and texts of the names and strings of a module, without its docstrings."""
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield line, node.value
        for attribute in ("id", "attr", "arg", "name", "module"):
            if isinstance(name := getattr(node, attribute, None), str):
                yield line, name


def _of_text(path: Path, text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if path.suffix != ".sql" or not line.lstrip().startswith(("--", "comment on ")):
            yield number, line


def main() -> int:
    """Print each word with its place. Return 1 if there is any, else 0."""
    lines = [
        f"{path}:{line}: {word!r} is specific to the instrument; move it to atdb_interface/instruments/apertif/"
        for package in _PACKAGES
        for path in sorted(Path(package).rglob("*"))
        if path.suffix in _KINDS and not str(path).startswith(_OF_APERTIF)
        for line, word in words(path, path.read_text(encoding="utf-8"))
        if (str(path), word) != _DEFAULT
    ]
    print("\n".join(lines) or "All words of the instrument are in its own modules.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
