"""Why a fault survives: the table of reasons, and where a fault is in it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

#: Reasons why a fault changes no behaviour, or why no test can find it.
REASONS = Path(__file__).parent / "survivors.toml"


@dataclass(frozen=True)
class Reason:
    """Why a fault survives; empty if that is not known. `is_harmless`: it changes no behaviour."""

    text: str = ""
    is_harmless: bool = False


def known(module: str, diff: str, reasons: Path = REASONS) -> Reason:
    """Return the reason of a fault, which its lines before and after identify."""
    changed = lines_of(diff)
    for entry in tomllib.loads(reasons.read_text(encoding="utf-8")).get("survivor", ()):
        if (entry["module"], (entry["before"], entry["after"])) == (module, changed):
            return Reason(entry["reason"], bool(entry.get("harmless")))
    return Reason()


def lines_of(diff: str) -> tuple[str, str]:
    """Return the lines before and after a fault, each as one line."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    before, after = (
        " ".join(" ".join(line[1:] for line in lines if line.startswith(sign)).split()) for sign in "-+"
    )
    return before, after
