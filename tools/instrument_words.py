"""Find words of Apertif outside its own modules: modes, names of products, data hosts. `make check` runs this.

Docstrings and comments, including those of SQL views, can have examples, because they are not executed.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.apertif.products import FITS

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
_ENDINGS = {*APERTIF.directories, FITS}
_WORD = re.compile(
    rf"(?<![A-Za-z])(?i:{'|'.join(sorted(_NAMES, key=len, reverse=True))})|"
    rf"(?:{'|'.join(map(re.escape, sorted(_ENDINGS)))})\b"
)


def words(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each such word in a file."""
    for line, part in _of_python(text) if path.suffix == ".py" else _of_text(path, text):
        for word in _WORD.findall(part):
            yield line, word


def _of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and texts of the names and strings of a module, without its docstrings."""
    tree = ast.parse(text)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
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
