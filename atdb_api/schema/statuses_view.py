"""The view `reports.statuses`, whose rows are those of the lifecycle."""

from atdb_interface.lifecycle import Status
from atdb_interface.status_kinds import StatusKind, kind_of, stage_of

_KINDS = f"{', '.join([*StatusKind][:-1])} and {[*StatusKind][-1]}"
_COMMENT = "The statuses of observations, and what each means for the work."
_COMMENTS = {
    "status": "The status",
    "position": "Its place in the order of the lifecycle, from 1",
    "stage": "The stage that waits for this status, works in it, or has failed with it. Null if there is none",
    "kind": f"One of {_KINDS}",
}


def definition() -> str:
    """Return the statements that create the view, with a row for each status, and its comments."""
    columns = ", ".join(_COMMENTS)
    return "\n".join(
        [
            "create view reports.statuses as",
            f"select {columns}",
            "from (values",
            ",\n".join(f"    {_row(status)}" for status in Status),
            f") as listed ({columns});",
            f"comment on view reports.statuses is '{_COMMENT}';",
            *(f"comment on column reports.statuses.{name} is '{text}';" for name, text in _COMMENTS.items()),
        ]
    )


def _row(status: Status) -> str:
    stage = stage_of(status)
    named = f"'{stage.actor}'" if stage else "null"
    return f"('{status}', {[*Status].index(status) + 1}, {named}, '{kind_of(status)}')"
