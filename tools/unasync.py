"""Generate the synchronous client from the asynchronous one, so that both have the same methods.

Run `python -m tools.unasync`. With `--check`, it fails if a generated file is not up to date.
"""

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "atdb_interface" / "client"
#: The generated files, and their sources.
FILES = {
    str(source.relative_to(PACKAGE)).replace("async_", "sync_"): str(source.relative_to(PACKAGE))
    for source in sorted([*PACKAGE.glob("async_*.py"), *PACKAGE.glob("async_*/*.py")])
}
CHANGES = (
    (" (from|for) (an event loop|event loops)", ""),
    ("from asyncio import sleep", "from time import sleep"),
    (r"\b(async|await) ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_", "sync_"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
)
#: Rules that sort imports, and use `yield from`, which asynchronous generators do not have.
FIX = ["check", "--select", "I,UP028", "--fix", "--unsafe-fixes", "--quiet"]


def waiting(source: str) -> str:
    """Return the text of the synchronous file."""
    text = (PACKAGE / source).read_text()
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text)
    text = f"# Generated from {source} by `make format`. Change that file.\n{text}"
    for command in (FIX, ["format", "--quiet"]):
        arguments: list[str | Path] = [*command, "--stdin-filename", PACKAGE / source, "-"]
        ruff = [sys.executable, "-m", "ruff", *arguments]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main(*, check: bool = False) -> int:
    """Write the synchronous files; if `check`, print those that are not up to date instead and return 1."""
    lines = []
    for written, source in FILES.items():
        path = PACKAGE / written
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(waiting(source))
        elif not path.exists() or path.read_text() != waiting(source):
            lines.append(f"atdb_interface/client/{written} is not up to date. Run `make format`.")
    if check:
        print("\n".join(lines) or "The synchronous client is up to date.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
