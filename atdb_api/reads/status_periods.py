"""The statuses that an observation has had: for how long, set by which account, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_api.models import Transition
from atdb_api.reads.airflow_runs import AirflowRun, run_of


@dataclass(frozen=True)
class StatusPeriod:
    """A status that an observation has had. `until`: None for the present status."""

    status: str
    since: datetime
    until: datetime | None
    length: timedelta
    actor: str
    owner: str | None
    run: AirflowRun | None
    reason: str
    forced: bool


def status_periods(steps: Sequence[Transition], now: datetime, *, is_ended: bool) -> list[StatusPeriod]:
    """Return the periods of a history. The last one lasts until now, unless its status is final."""
    untils: list[datetime | None] = [*(step.at for step in steps[1:]), None]
    return [_period(step, until, now, is_ended=is_ended) for step, until in zip(steps, untils, strict=False)]


def _period(step: Transition, until: datetime | None, now: datetime, *, is_ended: bool) -> StatusPeriod:
    end = until or (step.at if is_ended else now)
    return StatusPeriod(
        status=step.status,
        since=step.at,
        until=until,
        length=max(timedelta(0), end - step.at),
        actor=step.actor,
        owner=step.owner,
        run=run_of(step.owner, step.at),
        reason=step.reason,
        forced=step.forced,
    )
