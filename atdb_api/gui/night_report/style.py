"""The style sheet in each report: its own rules, and the colours of all pages."""

import base64
import hashlib
import re
from pathlib import Path

_STATIC = Path(__file__).parents[2] / "static"


def _palette() -> str:
    """Return the colours of the pages' style sheet, selected by a media query instead of a script."""
    sheet = (_STATIC / "atdb.css").read_text()
    light = re.findall(r"^:root (\{[^}]*\})", sheet, re.MULTILINE)
    dark = re.findall(r'^\[data-bs-theme="dark"\] (\{\s*--page[^}]*\})', sheet, re.MULTILINE)
    return f":root {light[0]}\n@media (prefers-color-scheme: dark) {{\n:root {dark[0]}\n}}\n"


CSS = _palette() + (_STATIC / "night_report.css").read_text()
#: By this, the Content-Security-Policy allows this style sheet and no other.
HASH = "sha256-" + base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
