"""Format results for people and for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from atdb_interface.characters import in_one_line
from atdb_interface.quantities import count_of
from standalone.doctor.results import CheckResult, CheckState

_STATES = {
    CheckState.WELL: "well",
    CheckState.WARNING: "WARNING",
    CheckState.FAILED: "FAILED",
    CheckState.NOT_CHECKED: "not checked",
}
_STATE_WIDTH = max(map(len, _STATES.values()))


def table(results: Sequence[CheckResult], columns: int) -> str:
    """Format a table of up to `columns` columns, with the advice below each result, and a summary."""
    subject_width = max((len(result.subject) for result in results), default=0)
    indent = " " * (_STATE_WIDTH + subject_width + 4)
    width = max(columns, len(indent) + 40)
    # Operators copy commands and paths, so no line is broken within a word.
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    for result in results:
        head = f"{_STATES[result.state]:<{_STATE_WIDTH}}  {result.subject:<{subject_width}}  "
        wrapper.initial_indent, wrapper.subsequent_indent = head, indent
        lines += wrapper.wrap(in_one_line(result.seen))
        if result.advice:
            wrapper.initial_indent, wrapper.subsequent_indent = f"{indent}-> ", f"{indent}   "
            lines += wrapper.wrap(in_one_line(result.advice))
    return "\n".join([*lines, "", summary(results)])


def summary(results: Sequence[CheckResult]) -> str:
    """Format the number of results of each state as one sentence."""
    counted = Counter(result.state for result in results)
    parts = [
        f"{counted[CheckState.FAILED]} failed",
        count_of(counted[CheckState.WARNING], "warning"),
        f"{counted[CheckState.NOT_CHECKED]} not checked",
        f"{counted[CheckState.WELL]} well",
    ]
    return f"{', '.join(parts)}."


def as_json(results: Sequence[CheckResult]) -> str:
    """Format a JSON list of objects with `subject`, `state`, `seen` and `advice`."""
    return json.dumps([asdict(result) for result in results], indent=2)
