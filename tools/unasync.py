"""Write the client that waits from the one of the event loop, so that neither can do what the other cannot.

`python -m tools.unasync` writes it; a test tells where that was forgotten.
"""

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "atdb_interface" / "client"
#: What is written, and what it is made from.
FILES = {"sync_connection.py": "async_connection.py", "sync_client.py": "async_client.py"}
CHANGES = (
    (" from an event loop", ""),
    ("from asyncio import sleep", "from time import sleep"),
    (r"\b(async|await) ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_", "sync_"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
)
#: Imports in their order, and `yield from`, which the event loop has not.
FIX = ["check", "--select", "I,UP028", "--fix", "--unsafe-fixes", "--quiet"]


def waiting(source: str) -> str:
    """Give the text of the file that waits."""
    text = (PACKAGE / source).read_text()
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text)
    text = f"# Made from {source} by `make format`: change that one.\n{text}"
    for command in (FIX, ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", PACKAGE / source, "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    for written, source in FILES.items():
        (PACKAGE / written).write_text(waiting(source))
