"""The results of the checks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: Exit statuses. argparse uses 2 for an invalid command line.
WELL, FAILED, WARNED = 0, 1, 3


class CheckState(StrEnum):
    """The state of a subject."""

    WELL = "well"
    WARNING = "warning"
    """The subject works now, but needs attention."""
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    """The subject cannot be checked from here."""


@dataclass(frozen=True)
class CheckResult:
    """One line of the report. `advice` is what to do next; only a result that all is well has none."""

    subject: str
    state: CheckState
    seen: str
    advice: str = ""


def well(subject: str, seen: str) -> CheckResult:
    """Return the result that all is well with a subject."""
    return CheckResult(subject, CheckState.WELL, seen)


def warning(subject: str, seen: str, advice: str) -> CheckResult:
    """Return a result that needs attention."""
    return CheckResult(subject, CheckState.WARNING, seen, advice)


def failed(subject: str, seen: str, advice: str) -> CheckResult:
    """Return the result that a subject does not work."""
    return CheckResult(subject, CheckState.FAILED, seen, advice)


def not_checked(subject: str, seen: str, advice: str) -> CheckResult:
    """Return the result that a subject cannot be checked from here; `advice` says how to check it."""
    return CheckResult(subject, CheckState.NOT_CHECKED, seen, advice)


def exit_status(results: Iterable[CheckResult]) -> int:
    """Return 1 if anything failed, else 3 if anything has a warning, else 0."""
    counted = Counter(result.state for result in results)
    if counted[CheckState.FAILED]:
        return FAILED
    return WARNED if counted[CheckState.WARNING] else WELL
