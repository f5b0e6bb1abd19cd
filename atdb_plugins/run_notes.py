"""The notes on Airflow's runs of the stages: what a run is for, why it failed, and how the failure was fixed.

A note is Markdown. This module replaces the paragraphs that begin with `MARK`, which `outcome_of` writes. All
others stay, such as the words of an operator.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from atdb_interface import former_texts
from atdb_interface.actions import RETRIES
from atdb_interface.claims import ClaimedTask
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import AtdbError
from atdb_interface.fields import write_time
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import WORKING
from atdb_interface.owners import STAGE_DAGS, read_owner, write_owner
from atdb_interface.quantities import count_of
from atdb_interface.reasons import without_code
from atdb_interface.status_kinds import STOPS
from atdb_interface.transitions import Transition
from atdb_plugins.airflow_api import LONGEST_NOTE, AirflowApiError, AsyncAirflowClient, DagRun
from atdb_plugins.links import tasks_page

log = logging.getLogger(__name__)

#: The time between two reads of ATDB's history.
LOOK_SECONDS = 5.0
#: The time between two searches for runs that failed without a report to ATDB.
LOOK_AT_RUNS_SECONDS = 30.0
#: After a start, the history of this time is read.
FIRST_LOOK_BACK = timedelta(hours=1)
#: The most recent transitions are read again: one that is committed late has an earlier time.
OVERLAP = timedelta(seconds=30)
#: How each paragraph of `outcome_of` begins; it is bold.
MARK = "**ATDB:** "
_NO_RESULT = f"{MARK}The run failed before it recorded a result. See the log of its task."


def first_note(task: ClaimedTask) -> str:
    """Return the note of a new run: name, mode and data products of its observation, and a link to ATDB."""
    number = task.dataproducts
    products = count_of(number, "data product") if number else "data products not defined yet"
    parts = [_plain(task.name), _plain(task.observing_mode), products]
    if page := tasks_page([task.taskID]):
        parts.append(f"[{task.taskID}]({page})")
    return " · ".join(parts)[:LONGEST_NOTE]


def with_outcome(note: str, outcome: str) -> str:
    """Return a note with the outcome of its run at the end, cut to the length that Airflow accepts."""
    kept = [part for part in note.split("\n\n") if part and not _is_outcome(part)]
    whole = "\n\n".join([*kept, outcome] if outcome else kept)
    if len(whole) <= LONGEST_NOTE:
        return whole
    parts = f"{whole[: LONGEST_NOTE - 1]}…".split("\n\n")
    if not _is_outcome(parts[-1]):  # cut so short that it would not be recognised
        parts.pop()
    return "\n\n".join(parts if len(parts) > len(kept) else kept)


def _is_outcome(part: str) -> bool:
    """Return whether this module of this or an earlier version has written a paragraph."""
    return part.startswith(MARK) or former_texts.NOTE_ON_OUTCOME.match(part) is not None


def outcome_of(owner: str, history: Sequence[Transition], *, has_failed: bool) -> str:
    """Return how the work of a run ended, from the history of the observation; empty if it did not fail.

    `history`: the oldest transition first. `owner`: the run in ATDB. `has_failed`: the state in Airflow.
    """
    ends, worker = [], None
    for number, step in enumerate(history):
        if step.name in RETRIES and owner in (step.owner, worker if step.owner is None else None):
            ends.append(number)
        worker = step.owner if step.name in WORKING else None
    if not ends:
        return _NO_RESULT if has_failed else ""
    end, *later = history[ends[-1] :]
    how = f"Failed with {end.name}" if end.owner else f"Stopped by {end.actor}, with {end.name},"
    failure = f"{MARK}{how} at {write_time(end.timestamp)}{_because(end.reason)}"
    if not later:
        return failure
    fix = next((step for step in later if step.name not in (*RETRIES, *STOPS)), None)
    move = fix or later[-1]
    what = f"{move.actor} moved the observation to {move.name}{_because(move.reason)}"
    # The fix comes first, so that a long reason does not cut it off.
    return f"{MARK}{'Fixed' if fix else 'Then'} at {write_time(move.timestamp)}: {what}\n\n{failure}"


class NoteKeeper:
    """Write into the notes of runs why they failed and how the failure was fixed."""

    def __init__(self, atdb: AsyncClient, airflow: AsyncAirflowClient) -> None:
        self._atdb, self._airflow = atdb, airflow
        self._since = datetime.now(UTC) - FIRST_LOOK_BACK
        self._seen: dict[int, datetime] = {}
        self._runs_since = self._since
        self._next_look_at_runs = self._since

    async def keep(self) -> None:
        """Keep notes until cancelled; while ATDB or Airflow does not respond, the notes wait."""
        while True:
            try:
                await self.step()
            except (AtdbError, AirflowApiError) as error:
                log.warning("Cannot write notes on runs now; this continues later: %s", error)
            except Exception:
                log.exception("Cannot write notes on runs now; this continues later")
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Write the notes of all runs with news since the last time."""
        now = datetime.now(UTC)
        # After a jump of the clock to an earlier time, these would be in the future, and no news would be found.
        self._since, self._runs_since = min(self._since, now), min(self._runs_since, now)
        self._next_look_at_runs = min(self._next_look_at_runs, now + timedelta(seconds=LOOK_AT_RUNS_SECONDS))
        steps = [step async for step in self._atdb.history(timestamp__gte=write_time(self._since - OVERLAP))]
        new = [step for step in steps if step.id not in self._seen]
        for atdb_task_id in dict.fromkeys(
            step.taskID for step in new if {step.name, step.previous} & set(RETRIES)
        ):
            await self._note_ends(await self._history(atdb_task_id))
        if now >= self._next_look_at_runs:
            await self._note_failures()
            self._runs_since = now - OVERLAP
            self._next_look_at_runs = now + timedelta(seconds=LOOK_AT_RUNS_SECONDS)
        self._since = max([self._since, *(step.timestamp for step in steps)])
        self._seen = {step.id: step.timestamp for step in steps if step.timestamp >= self._since - OVERLAP}

    async def _note_ends(self, history: Sequence[Transition]) -> None:
        """Write the notes of the runs that set the error status of an observation."""
        owners = {step.owner for step in history if step.owner and {step.name} & {*RETRIES, *WORKING}}
        for owner in sorted(owners):
            dag_id, run_id = read_owner(owner)
            if dag_id in STAGE_DAGS and (run := await self._airflow.run(dag_id, run_id)):
                await self._write(run, history)

    async def _note_failures(self) -> None:
        for run in await self._airflow.failed(self._runs_since):
            key = run.partition_key
            if run.dag_id in STAGE_DAGS and key and re.fullmatch(instrument().task_ids.pattern, key, re.ASCII):
                await self._write(run, await self._history(key))

    async def _write(self, run: DagRun, history: Sequence[Transition]) -> None:
        outcome = outcome_of(write_owner(run.dag_id, run.run_id), history, has_failed=run.state == "failed")
        note = with_outcome(run.note, outcome)
        if note != run.note:
            await self._airflow.write_note(run, note)

    async def _history(self, atdb_task_id: str) -> list[Transition]:
        return [step async for step in self._atdb.history(taskID=atdb_task_id)]


def _because(reason: str) -> str:
    words = " ".join(without_code(reason).split())
    return f": {_plain(words)}" if words else ""


def _plain(text: str) -> str:
    """Return a text escaped so that Markdown shows it unchanged."""
    escaped = re.sub(r"([\\`*_~#|\[\]<>]|^[-+=])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)  # otherwise it would start a numbered list
