"""The findings of the checks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: Exit statuses. argparse uses 2 for an invalid command line.
WELL, FAILED, WARNED = 0, 1, 3


class State(StrEnum):
    """The state of a subject."""

    WELL = "well"
    WARNING = "warning"
    """The subject works now, but needs attention."""
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    """The subject cannot be checked from here."""


@dataclass(frozen=True)
class Finding:
    """One line of the report. `advice` is what to do next; only a finding that all is well has none."""

    subject: str
    state: State
    seen: str
    advice: str = ""


def well(subject: str, seen: str) -> Finding:
    """Return the finding that all is well with a subject."""
    return Finding(subject, State.WELL, seen)


def warning(subject: str, seen: str, advice: str) -> Finding:
    """Return a finding that needs attention."""
    return Finding(subject, State.WARNING, seen, advice)


def failed(subject: str, seen: str, advice: str) -> Finding:
    """Return the finding that a subject does not work."""
    return Finding(subject, State.FAILED, seen, advice)


def not_checked(subject: str, seen: str, advice: str) -> Finding:
    """Return the finding that a subject cannot be checked from here; `advice` says how to check it."""
    return Finding(subject, State.NOT_CHECKED, seen, advice)


def exit_status(findings: Iterable[Finding]) -> int:
    """Return 1 if anything failed, else 3 if anything has a warning, else 0."""
    counted = Counter(finding.state for finding in findings)
    if counted[State.FAILED]:
        return FAILED
    return WARNED if counted[State.WARNING] else WELL
