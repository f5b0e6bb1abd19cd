"""Format findings for people and for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from atdb_interface.characters import in_one_line
from atdb_interface.quantities import count_of
from standalone.doctor.findings import Finding, State

_STATES = {
    State.WELL: "well",
    State.WARNING: "WARNING",
    State.FAILED: "FAILED",
    State.NOT_CHECKED: "not checked",
}
_STATE_WIDTH = max(map(len, _STATES.values()))


def table(findings: Sequence[Finding], columns: int) -> str:
    """Format a table of up to `columns` columns, with the advice below each finding, and a summary."""
    subject_width = max((len(finding.subject) for finding in findings), default=0)
    indent = " " * (_STATE_WIDTH + subject_width + 4)
    width = max(columns, len(indent) + 40)
    # Operators copy commands and paths, so no line is broken within a word.
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    for finding in findings:
        head = f"{_STATES[finding.state]:<{_STATE_WIDTH}}  {finding.subject:<{subject_width}}  "
        wrapper.initial_indent, wrapper.subsequent_indent = head, indent
        lines += wrapper.wrap(in_one_line(finding.seen))
        if finding.advice:
            wrapper.initial_indent, wrapper.subsequent_indent = f"{indent}-> ", f"{indent}   "
            lines += wrapper.wrap(in_one_line(finding.advice))
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """Format the number of findings of each state as one sentence."""
    counted = Counter(finding.state for finding in findings)
    parts = [
        f"{counted[State.FAILED]} failed",
        count_of(counted[State.WARNING], "warning"),
        f"{counted[State.NOT_CHECKED]} not checked",
        f"{counted[State.WELL]} well",
    ]
    return f"{', '.join(parts)}."


def as_json(findings: Sequence[Finding]) -> str:
    """Format a JSON list of objects with `subject`, `state`, `seen` and `advice`."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)
