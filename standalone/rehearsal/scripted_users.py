"""The users of a rehearsal: astronomers who submit, and operators who cancel, hold and pause during the work."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import Duplicate, ForbiddenMove, Unavailable
from atdb_interface.lifecycle import AT_THE_TELESCOPE, Actor, Status
from standalone.rehearsal.faults import RehearsalRecord, RehearsedFault
from standalone.rehearsal.script import ScriptedObservation

#: How long an operator leaves an observation on hold, and a stage paused.
HOLD_SECONDS, PAUSE_SECONDS = 8.0, 12.0
#: Deletion stays switched off until an observation has waited this much longer for its removal than for the delay.
_WAITS_FOR_DELETION = timedelta(seconds=5)
_LONGEST_OFF_SECONDS = 600.0
#: How long a user retries while ATDB is down.
PATIENCE_SECONDS = 120.0
ASK_AGAIN_SECONDS = 0.5


class ScriptedUsers:
    """Send requests to ATDB as users do, retry while it is down, and record the results."""

    def __init__(self, astronomer: Client, operator: Client, record: RehearsalRecord) -> None:
        self._astronomer, self._operator, self._record = astronomer, operator, record
        self.pauses: list[tuple[str, datetime, datetime]] = []
        self.switched_off: list[tuple[datetime, datetime]] = []

    def submit(self, scripted: ScriptedObservation, start: datetime) -> str:
        """Submit an observation and return its taskID, also if the response to an earlier attempt was lost."""
        start = start.astimezone(UTC).replace(microsecond=0)
        new = scripted.specification | {"starttime": start.isoformat()}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                task_id = self._astronomer.create_observation(new).taskID
            except Duplicate as known:
                task_id = str(known.extra["taskID"])
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                continue
            self._record.submit(task_id, scripted.number)
            return task_id

    def cancel(self, task_id: str) -> None:
        """Cancel an observation; if it can no longer be cancelled, it continues."""
        begun, reason = datetime.now(UTC), "rehearsed: the weather"
        try:
            status = self._operator.act(task_id, Action.CANCEL, reason=reason).my_status
        except ForbiddenMove:
            observation = self._operator.observation(task_id)  # it may be cancelled, and the response lost
            if observation.status_history[-1].reason != reason:
                return
            status = observation.my_status
        if status is Status.ABORTED:
            self._record.abort(task_id, reason)
        self._record.inject(RehearsedFault.CANCEL, task_id, begun=begun)

    def hold(self, task_id: str) -> None:
        """Put an observation on hold for a while, as soon as possible. Do nothing if it has ended."""
        begun = self._put_on_hold(task_id)
        if begun is None:
            return
        time.sleep(HOLD_SECONDS)
        try:
            self._operator.act(task_id, Action.RESUME, reason="rehearsed: resume")
        except ForbiddenMove:
            if self._operator.observation(task_id).my_status is Status.ON_HOLD:
                raise
        self._record.inject(RehearsedFault.HOLD, task_id, begun=begun)

    def _put_on_hold(self, task_id: str) -> datetime | None:
        """Retry the hold while the telescope has the observation; return when it was put on hold, or None."""
        while True:
            asked_at = datetime.now(UTC)
            try:
                self._operator.act(task_id, Action.HOLD, reason="rehearsed: wait")
                return asked_at
            except ForbiddenMove:
                status = self._operator.observation(task_id).my_status
                if status is Status.ON_HOLD:  # the hold succeeded, but the response was lost
                    return asked_at
                if status not in AT_THE_TELESCOPE:
                    return None
            time.sleep(ASK_AGAIN_SECONDS)

    def pause(self, stage: Actor) -> None:
        """Pause a stage for a while; meanwhile, the stage must not start any work."""
        begun = datetime.now(UTC)
        self._operator.change_stage(stage, paused=True, reason="rehearsed")
        paused = datetime.now(UTC) + timedelta(milliseconds=50)
        time.sleep(PAUSE_SECONDS)
        self.pauses.append((stage, paused, datetime.now(UTC)))
        self._operator.change_stage(stage, paused=False, reason="rehearsed")
        self._record.inject(RehearsedFault.PAUSE, begun=begun)

    def switch_deletion_off(self, delay_seconds: float, is_useful: Callable[[], bool]) -> None:
        """Switch deletion off until that has prevented a removal, then on.

        `delay_seconds`: how long an observation waits before its removal in any case. `is_useful`: whether any
        observation can still reach it.
        """
        begun = datetime.now(UTC)
        self._operator.change_deletion(allowed=False, reason="rehearsed: nothing is deleted")
        off = datetime.now(UTC) + timedelta(milliseconds=50)
        deadline = time.monotonic() + _LONGEST_OFF_SECONDS
        delay = timedelta(seconds=delay_seconds)
        prevented = False
        while not prevented and is_useful() and time.monotonic() < deadline:
            time.sleep(ASK_AGAIN_SECONDS)
            now = datetime.now(UTC)
            prevented = any(
                now - max(observation.status_since + delay, off) > _WAITS_FOR_DELETION
                for observation in self._operator.observations(my_status=Status.ARCHIVED)
            )
        self.switched_off.append((off, datetime.now(UTC)))
        self._operator.change_deletion(allowed=True, reason="rehearsed")
        if prevented:
            self._record.inject(RehearsedFault.DELETION_OFF, begun=begun)
