"""Write the tables of the documents that show the lifecycle: `python -m tools.doc_tables`.

Each table is between two comments, `<!-- table: NAME ... -->` and `<!-- end of table -->`. `make docs` also writes
the table of endpoints. `python -m tools.doc_tables --check` fails if a document is not up to date.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from atdb_interface.actions import ACTIONS, Action, target_of
from atdb_interface.lifecycle import STAGES, STATUSES, Group, Moment, Status, StatusRow, allowed_next
from atdb_interface.roles import ALLOWS, PURPOSES, Capability, Role

DOCS = Path(__file__).parents[1] / "docs"
#: The shape of each group on the pages.
SHAPES = {
    Group.WAITING: "ring",
    Group.WORKING: "arrow",
    Group.DONE: "check mark",
    Group.ATTENTION: "triangle",
    Group.ENDED: "cross",
}
_FROM = {Moment.ENTERED: "", Moment.START: " after the start", Moment.END: " after the end"}
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_MARKED = re.compile(r"(<!-- table: (\w+)[^>]*-->\n).*?(<!-- end of table -->)", re.DOTALL)
_BACK = "the status before the hold; if the hold stopped work, the status before the work"
Rows = Iterable[Iterable[str]]


def groups() -> Rows:
    """Return the groups of statuses."""
    yield "shape", "group", "statuses"
    for group in Group:
        yield SHAPES[group], group, ", ".join(status for status, row in STATUSES.items() if row.group is group)


def statuses() -> Rows:
    """Return the properties of each status."""
    yield "status", "group", "what follows without an operator", "overdue after", "hold", "cancel"
    for status, row in STATUSES.items():
        follows = "; ".join(f"{_code(target)} by {actor}" for target, actor in row.steps.items())
        cancel = "yes" if target_of(Action.CANCEL, status) else "no"
        held = "yes" if row.holdable else "no"
        if status is Status.ON_HOLD:
            cancel = "as before the hold"
        yield _code(status), row.group, follows or "nothing", _expected(row), held, cancel


def stages() -> Rows:
    """Return the properties of each stage."""
    yield "stage", "takes", "works in", "fails with", "after a lost lease"
    for stage in STAGES:
        resumes = "another run continues" if stage.resumable else "no other run continues"
        working, error = (_code(status) if status else "none" for status in (stage.working, stage.error))
        yield stage.actor, _code(stage.source), working, error, resumes if stage.working else "none"


def actions() -> Rows:
    """Return where each action leads, and what it requires."""
    yield "action", "from", "leads to", "reason on pages", "capability", "capability for many at once"
    for action, row in ACTIONS.items():
        requires = ("required" if row.needs_reason else "optional", row.needs.label, row.needs_for_many.label)
        for sources, target in _moves(action):
            yield action, sources, target, *requires


def roles() -> Rows:
    """Return what each role is for, and its capabilities."""
    yield "role", "for", *(capability.label for capability in Capability)
    for role in Role:
        yield f"`{role}`", PURPOSES[role], *("yes" if role.may(each) else "" for each in Capability)


def capabilities() -> Rows:
    """Return what each capability allows."""
    yield "capability", "what it allows"
    for capability, allows in ALLOWS.items():
        yield capability.label, allows


TABLES: dict[str, Callable[[], Rows]] = {
    each.__name__: each for each in (groups, statuses, stages, actions, roles, capabilities)
}


def updated(text: str) -> str:
    """Return the text of a document with its tables as they must be now."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{markdown(TABLES[match[2]]())}\n{match[3]}", text)


def markdown(rows: Rows) -> str:
    """Format rows, of which the first is the header."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], re.sub(r"[^|]+", "---", lines[0]), *lines[1:], ""])


def _moves(action: Action) -> Iterable[tuple[str, str]]:
    sources: dict[Status, list[Status]] = defaultdict(list)
    for status in Status:
        if status is not Status.ON_HOLD and (target := target_of(action, status)):
            sources[target].append(status)
    for target, each in sources.items():
        yield _listed(each), _code(target)
    holdable = [status for status in Status if Status.ON_HOLD in allowed_next(status)]
    targets = [target for status in holdable if (target := target_of(action, Status.ON_HOLD, status))]
    if targets:
        source = _code(Status.ON_HOLD) + (
            ", if this was possible before the hold" if len(targets) < len(holdable) else ""
        )
        yield source, _code(targets[0]) if len(set(targets)) == 1 else _BACK


def _listed(sources: list[Status]) -> str:
    others = [status for status in Status if status not in sources]
    if len(others) < len(sources):
        return f"any status except {', '.join(map(_code, others))}"
    return ", ".join(map(_code, sources))


def _expected(row: StatusRow) -> str:
    if row.expected is None:
        return "never"
    unit, name = next(each for each in _UNITS if row.expected % each[0] == timedelta(0))
    return f"{row.expected // unit} {name}{_FROM[row.expected_from]}"


def _code(status: Status) -> str:
    return f"`{status}`"


def main(*, check: bool = False) -> int:
    """Write each document that is not up to date; if `check`, print its name instead and return 1."""
    lines = []
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (now := updated(text)) == text:
            continue
        if check:
            lines.append(f"docs/{path.name} is not up to date. Run `make docs`.")
        else:
            path.write_text(now, encoding="utf-8")
    if check:
        print("\n".join(lines) or "The tables of the lifecycle in the documents are up to date.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
