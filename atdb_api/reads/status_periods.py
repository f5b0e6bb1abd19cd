"""The statuses that a task has had: how long each, by whom and why; and which runs have worked on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from flask import current_app

from atdb_api.models import Transition
from atdb_interface.owners import STAGE_DAGS, read_owner

#: A status that lasted a second can still be seen beside one that lasted a week: widths are no scale.
_COMPRESSION = 0.35
_NARROWEST_PERCENT = 1.5


@dataclass(frozen=True)
class Run:
    """A run of a DAG in Airflow that has worked on a task. `address`: where to see it, if that is known."""

    dag: str
    run_id: str
    address: str | None
    since: datetime


@dataclass(frozen=True)
class Stay:
    """A status that a task has had. `until`: None where it has it still. `left` and `width` in percent."""

    status: str
    since: datetime
    until: datetime | None
    length: timedelta
    actor: str
    owner: str | None
    run: Run | None
    reason: str
    forced: bool
    left: float
    width: float


def stays(steps: Sequence[Transition], now: datetime, *, is_ended: bool) -> list[Stay]:
    """Make a timeline of a history; the last stay goes on until now, unless nothing can follow it."""
    if not steps:
        return []
    ends = [*(step.at for step in steps[1:]), steps[-1].at if is_ended else now]
    lengths = [max(timedelta(0), end - step.at) for step, end in zip(steps, ends, strict=True)]
    weights = [length.total_seconds() ** _COMPRESSION for length in lengths]
    to_share = 100 - _NARROWEST_PERCENT * len(steps)
    if to_share < 0:
        weights, to_share = [0.0] * len(steps), 0
    total = sum(weights)
    narrowest = _NARROWEST_PERCENT if total and to_share else 100 / len(steps)
    found, left = [], 0.0
    for number, (step, length, weight) in enumerate(zip(steps, lengths, weights, strict=True)):
        width = narrowest + (to_share * weight / total if total else 0)
        found.append(
            Stay(
                status=step.status,
                since=step.at,
                until=steps[number + 1].at if number + 1 < len(steps) else None,
                length=length,
                actor=step.actor,
                owner=step.owner,
                run=run_of(step.owner, step.at),
                reason=step.reason,
                forced=step.forced,
                left=round(left, 2),
                width=round(width, 2),
            )
        )
        left += width
    return found


def run_of(owner: str | None, since: datetime) -> Run | None:
    """Find the run that an owner is, if it is one of ours: `<dag>/<run id>`."""
    dag, run_id = read_owner(owner or "")
    if dag not in STAGE_DAGS or not run_id:
        return None
    airflow = current_app.config["AIRFLOW_URL"]
    return Run(dag, run_id, f"{airflow}/dags/{dag}/runs/{quote(run_id, safe='')}" if airflow else None, since)


def runs(steps: Sequence[Transition]) -> list[Run]:
    """Give the runs that have worked on a task, in the order in which they first did."""
    found: dict[str, Run] = {}
    for step in steps:
        if step.owner and step.owner not in found and (run := run_of(step.owner, step.at)):
            found[step.owner] = run
    return list(found.values())
