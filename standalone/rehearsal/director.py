"""Run a script on a running stack: submit observations, inject faults, handle failures, and wait for the end."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import STAGES, Actor, ProductStatus, Status
from atdb_interface.observations import Observation
from standalone.credentials import Credentials
from standalone.rehearsal import evidence, repair
from standalone.rehearsal.archive_plan import ArchiveFaults, ArchiveRule
from standalone.rehearsal.data_faults import DELAYS, DataFaults
from standalone.rehearsal.faults import OF_ARCHIVE, OF_DATA, OF_TELESCOPE, RehearsalRecord, RehearsedFault
from standalone.rehearsal.hostile import HostileAccounts, create_account
from standalone.rehearsal.kills import NotWell, ProcessKiller
from standalone.rehearsal.night_operator import NightOperator
from standalone.rehearsal.script import LEAD_SECONDS, Script, ScriptedFault, ScriptedObservation, is_kill
from standalone.rehearsal.scripted_users import PATIENCE_SECONDS, ScriptedUsers
from standalone.rehearsal.witness import Witness
from standalone.settings import Settings
from standalone.simulator.faults import PLAN, Plan, Rule

log = logging.getLogger(__name__)

#: Attempts at a kill that finds no process, and at a fault of the archive that affects no access.
_KILL_ATTEMPTS, _ARCHIVE_ATTEMPTS = 12, 60
_LOOK_EVERY_SECONDS = 2.0
#: With this many observations in progress, as on a slow machine or after a long outage, the script waits.
_MOST_IN_PROGRESS = 35
_LONGEST_PUT_OFF_SECONDS = 1800.0
_SAY_EVERY_SECONDS = 10.0
#: The delay per access and per chunk of a slow archive.
_SLOW_SECONDS = 0.3


class _Over(Exception):
    """The rehearsal ends before its script has ended."""


class Director:
    """One rehearsal on a running stack."""

    def __init__(
        self, settings: Settings, script: Script, archive: ArchiveFaults, database: str, say: Callable[[str], None]
    ) -> None:
        credentials = Credentials.read(settings.credentials)
        self.record = RehearsalRecord()
        self._settings, self._script, self._archive, self._say = settings, script, archive, say
        self._process_killer = ProcessKiller(settings, credentials)
        self._operator = self._client("operator", credentials)
        self.users = ScriptedUsers(self._client("astronomer", credentials), self._operator, self.record)
        self._night_operator = NightOperator(
            self._client("operator", credentials),
            settings.telescope_url,
            repair=self._repair,
            archive_is_well=lambda: not archive.active(),
            copy_is_right=self._copy_is_right,
            abort=self.record.abort,
        )
        self._observations = {each.number: each for each in script.observations}
        self._rules: list[Rule] = []
        self._rng = random.Random(script.seed)  # noqa: S311
        self._over = Event()
        self._put_off_seconds = 0.0
        self._witness = Witness(database, settings.state)
        self._data_faults = DataFaults(
            settings=settings,
            operator=self._client("operator", credentials),
            archive=archive,
            process_killer=self._process_killer,
            witness=self._witness,
            record=self.record,
            over=self._over,
            seed=script.seed,
        )
        self._switch_lock = Lock()
        self._spare_lock, self._spare_used = Lock(), set[str]()
        accounts = {}
        for role in script.hostile_roles:
            name, password = create_account(settings, credentials, role)
            accounts[name] = (role, password)
        self._hostile = HostileAccounts(settings.atdb_url, accounts, settings.state, script.seed)

    def play(self, patience_seconds: float) -> None:
        """Run the script, then wait until all observations have ended, or until `patience_seconds` have passed.

        Raises the errors of the rehearsal itself, such as NotWell if a service did not recover.
        """
        self._begin = time.monotonic()
        self._began_at = datetime.now(UTC)
        with ThreadPoolExecutor(64, thread_name_prefix="rehearsal") as pool:
            self._pool = pool
            for stage, seconds in DELAYS.items():
                self._operator.change_stage(stage, delay_seconds=seconds)
            begun = datetime.now(UTC)
            beside = [
                pool.submit(self._look_after),
                pool.submit(self._witness.watch, self._over),
                pool.submit(self._hostile.send, self._over),
            ]
            try:
                injecting = [pool.submit(self._submit_all), pool.submit(self._play_faults)]
                self._follow(injecting)
                self._say(
                    f"{self._clock()}  All faults have been injected. Waiting until all observations have ended."
                )
                deadline = time.monotonic() + patience_seconds
                while not self._have_all_ended() and time.monotonic() < deadline:
                    self._say_counts()
                    time.sleep(_LOOK_EVERY_SECONDS)
            finally:
                self._over.set()
            for each in beside:
                each.result()
            if self._hostile.were_answered():
                self.record.inject(RehearsedFault.HOSTILE, begun=begun)

    def hostile_answers(self) -> dict[str, Counter[int]]:
        """Return how often each hostile account has received each status code."""
        return self._hostile.answers()

    def expected(self) -> dict[str, set[str]]:
        """Return the statuses with which each observation may end, by taskID, given its faults and cancels."""
        return {task_id: self._expected_end(task_id) for task_id in self.record.submitted}

    def _expected_end(self, task_id: str) -> set[str]:
        if task_id in self.record.aborted:
            return {Status.ABORTED}
        scripted = self._observations[self.record.submitted[task_id]]
        if not scripted.heals and repair.damaged(self._settings, task_id):
            return {Status.INCOMPLETE}
        return {Status.COMPLETED if scripted.specification.get("skip_auto_ingest") else Status.REMOVED}

    def _client(self, name: str, credentials: Credentials) -> Client:
        return Client(self._settings.atdb_url, user=name, secret=credentials.atdb[name], patience=PATIENCE_SECONDS)

    def _clock(self) -> str:
        return f"{time.monotonic() - self._begin:5.0f} s"

    def _wait_until(self, seconds: float) -> None:
        while (left := self._begin + self._put_off_seconds + seconds - time.monotonic()) > 0:
            self._pause(min(left, 1.0))

    def _pause(self, seconds: float) -> None:
        if self._over.wait(max(0.0, seconds)):
            raise _Over

    # Run the script.

    def _submit_all(self) -> None:
        acts: list[Future[None]] = []
        for scripted in self._script.observations:
            self._wait_until(scripted.starts - LEAD_SECONDS)
            self._put_off()
            due = self._began_at + timedelta(seconds=scripted.starts + self._put_off_seconds)
            start = max(due, datetime.now(UTC) + timedelta(seconds=15))
            task_id = self.users.submit(scripted, start)
            log.info("%s is number %d: %s", task_id, scripted.number, scripted.fault or "no fault")
            if scripted.fault in OF_TELESCOPE:
                self._tell_telescope(scripted, task_id)
            elif scripted.fault in OF_DATA:
                acts.append(self._pool.submit(self._change_data, scripted, task_id))
            elif scripted.fault is not None:
                acts.append(self._pool.submit(self._act, scripted, task_id, start))
        for act in acts:
            act.result()

    def _put_off(self) -> None:
        """Wait while too many observations are in progress. Raises NotWell after half an hour of such waits."""
        began = time.monotonic()
        while self._number_under_way() >= _MOST_IN_PROGRESS:
            self._pause(1.0)
            now = time.monotonic()
            self._put_off_seconds, began = self._put_off_seconds + now - began, now
            if self._put_off_seconds > _LONGEST_PUT_OFF_SECONDS:
                raise NotWell(f"{_MOST_IN_PROGRESS} observations are in progress and do not end")

    def _tell_telescope(self, scripted: ScriptedObservation, task_id: str) -> None:
        assert scripted.fault is not None  # noqa: S101
        simulated, seconds = OF_TELESCOPE[scripted.fault]
        rule_id = f"{scripted.fault.name}.{scripted.number}"
        self._rules.append(
            Rule(id=rule_id, fault=simulated, taskID=task_id, seconds=seconds, product=scripted.product)
        )
        Plan(rules=self._rules).write(self._settings.telescope_state / PLAN)

    def _act(self, scripted: ScriptedObservation, task_id: str, start: datetime) -> None:
        moment = start + timedelta(seconds=scripted.moment)
        self._pause((moment - datetime.now(UTC)).total_seconds())
        if scripted.fault is RehearsedFault.CANCEL:
            self.users.cancel(task_id)
        else:
            self.users.hold(task_id)

    def _change_data(self, scripted: ScriptedObservation, task_id: str) -> None:
        """Inject a fault of data, into another observation if its moment has passed, as after a long outage."""
        assert scripted.fault is not None  # noqa: S101
        attempted: str | None = task_id
        while attempted is not None:
            if self._data_faults.play(scripted.fault, attempted, scripted.product):
                self._say(f"{self._clock()}  {scripted.fault}: {attempted}")
                return
            attempted = self._spare()

    def _spare(self) -> str | None:
        """Return an observation without a fault that has not ended, each once; None if there will be no other."""
        while True:
            is_last = len(self.record.submitted) == len(self._script.observations)
            ends = {Status.REMOVED, Status.ABORTED, Status.COMPLETED, ""}
            statuses = self._statuses()
            with self._spare_lock:
                for task_id, number in list(self.record.submitted.items()):
                    is_free = self._observations[number].fault is None and task_id not in self._spare_used
                    if is_free and statuses.get(task_id, "") not in ends:
                        self._spare_used.add(task_id)
                        return task_id
            if is_last and statuses:
                return None
            self._pause(2.0)

    def _play_faults(self) -> None:
        others: list[Future[None]] = []
        for number, scripted_fault in enumerate(self._script.faults):
            self._wait_until(scripted_fault.at)
            if is_kill(scripted_fault.fault):
                self._kill(scripted_fault.fault)
            else:
                others.append(self._pool.submit(self._play, scripted_fault, number))
        for other in others:
            other.result()

    def _play(self, scripted_fault: ScriptedFault, number: int) -> None:
        if scripted_fault.fault is RehearsedFault.PAUSE:
            stage = self._rng.choice(STAGES).actor
            self._say(f"{self._clock()}  {scripted_fault.fault}: {stage}")
            self.users.pause(stage)
            return
        if scripted_fault.fault is RehearsedFault.DELETION_OFF:
            self._say(f"{self._clock()}  {scripted_fault.fault}")
            with self._switch_lock:
                self.users.switch_deletion_off(DELAYS[Actor.REMOVE], lambda: not self._is_complete())
            return
        archive_fault, seconds = OF_ARCHIVE[scripted_fault.fault]
        for again in range(_ARCHIVE_ATTEMPTS):
            rule_id = f"{scripted_fault.fault.name}.{number}.{again}"
            self._say(f"{self._clock()}  {scripted_fault.fault}")
            self._archive.add(
                ArchiveRule(id=rule_id, fault=archive_fault, until=time.time() + seconds, seconds=_SLOW_SECONDS)
            )
            self._pause(seconds)
            if self._archive.has_used(rule_id) or self._is_complete():
                return

    def _kill(self, fault: RehearsedFault) -> None:
        for _ in range(_KILL_ATTEMPTS):
            begun = datetime.now(UTC)
            affected = self._process_killer.kill(fault)
            if affected is not None:
                break
        else:
            return
        self._say(f"{self._clock()}  {fault} {' '.join(affected)}")
        injection = self.record.inject(fault, *affected, begun=begun)
        if fault not in {RehearsedFault.KILL_TASK, RehearsedFault.KILL_SUPERVISOR}:
            self._process_killer.await_health(injection.ended, self._over)
            injection.seconds = (datetime.now(UTC) - injection.ended).total_seconds()

    # Do what operators do.

    def _look_after(self) -> None:
        while not self._over.wait(_LOOK_EVERY_SECONDS):
            try:
                self._night_operator.look()
            except AtdbError as error:
                log.info("the night operator must wait: %s", error)

    def _repair(self, task_id: str) -> bool:
        """Repair the products of an observation; return False if the script wants them to stay damaged."""
        number = self.record.submitted.get(task_id)
        if number is None:
            return False
        if not self._observations[number].heals and repair.damaged(self._settings, task_id):
            return False
        return repair.repair_products(self._settings, task_id)

    def _copy_is_right(self, observation: Observation) -> bool:
        """Compare the copies with ATDB's checksums as a careful operator would, with sha256sum."""
        for product in self._operator.dataproducts(taskID=observation.taskID):
            if product.my_status is ProductStatus.ARCHIVED and product.archive_copy:
                path = self._settings.archive.joinpath(
                    product.archive_copy.rpartition(f"{self._settings.archive}/")[2]
                )
                if evidence.checksum_of(path) != product.checksum:
                    return False
        return True

    # Follow the progress.

    def _follow(self, injecting: Sequence[Future[None]]) -> None:
        while not all(each.done() for each in injecting):
            for each in injecting:
                if each.done():
                    each.result()
            self._say_counts()
            time.sleep(1)
        for each in injecting:
            each.result()

    def _say_counts(self) -> None:
        if time.monotonic() < getattr(self, "_said_at", 0) + _SAY_EVERY_SECONDS:
            return
        self._said_at = time.monotonic()
        counts = Counter(self._statuses().values())
        listed = "   ".join(f"{status} {counts[status]}" for status in Status if counts[status])
        self._say(f"{self._clock()}  {listed or 'ATDB does not respond'}")

    def _have_all_ended(self) -> bool:
        return not self._number_under_way()

    def _is_complete(self) -> bool:
        """Return whether all observations are submitted and have ended."""
        return len(self.record.submitted) == len(self._script.observations) and not self._number_under_way()

    def _number_under_way(self) -> int:
        statuses = self._statuses()
        return sum(statuses.get(task_id) not in ends for task_id, ends in self.expected().items())

    def _statuses(self) -> dict[str, str]:
        try:
            rows = self._operator.rows("observations", fields=["taskID", "my_status"])
            return {row["taskID"]: row["my_status"] for row in rows}
        except AtdbError:
            return {}
