"""The faults of one module: make each, run the tests that cover it, and keep the result in a database.

A session can be stopped at any time; the next run continues with the faults that have no result. If the module has
changed, the session begins again. If its tests have changed, the faults that survived are tried again.
"""

import contextlib
import difflib
import hashlib
import json
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from cosmic_ray.mutating import mutate_code, use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tools.mutation.checkout import FOLDER
from tools.mutation.covering import Covering, environment, measure, statement_lines
from tools.mutation.operators import mutants
from tools.mutation.reasons import known
from tools.mutation.testing import TIMED_OUT, Runner, failed_test

#: What a run takes at most besides its tests, mainly to import the code.
_START_SECONDS = 120.0
#: A fault that makes the tests this many times slower is found: they time out.
_SLOWER = 5.0
_MARK = "ATDB_MUTATION"
_OPERATORS = "tools/mutation/operators.py"


@dataclass(frozen=True)
class Session:
    """The session of a module: its database, and the digests of what it was made for."""

    module: str
    tests: Sequence[str]
    copy: Path
    folder: Path

    @property
    def path(self) -> Path:
        """Return the path of the database."""
        return self.folder / f"{self.module.replace('/', '.').removesuffix('.py')}.sqlite"

    def run(self) -> None:
        """Try each fault that has no result yet, in a random order that is always the same.

        So if a session is stopped, the faults that it has tried are a random sample.
        """
        with use_db(self.path) as database, tempfile.TemporaryDirectory(prefix="atdb-mutation-") as made:
            temporary = Path(made)
            temporary.chmod(0o755)  # PostgreSQL's account must reach its data below it
            self._prepare(database)
            order = sorted(item.job_id for item in database.work_items)
            random.Random(self.module).shuffle(order)  # noqa: S311 - no secret
            pending = sorted(database.pending_work_items, key=lambda item: order.index(item.job_id))
            if not pending:
                return
            print(f"{self.module}: {len(pending)} faults to try", flush=True)
            attempts = Attempts(self, Runner(self.module, self.copy, environment(self.copy, temporary)))
            for number, item in enumerate(pending, start=1):
                result = self._harmless(item) or attempts.attempt(item)
                database.set_result(item.job_id, result)
                line = item.mutations[0].start_pos[0]
                print(f"{number}/{len(pending)} line {line}: {outcome(result)}", flush=True)

    def _harmless(self, item: WorkItem) -> WorkResult | None:
        """Return the result of a fault that is known to change no behaviour: it survives without tests."""
        diff = _difference((self.copy / self.module).read_text(encoding="utf-8"), item.mutations[0])
        if not known(self.module, diff).is_harmless:
            return None
        return WorkResult(WorkerOutcome.NORMAL, "", TestOutcome.SURVIVED, diff)

    def _prepare(self, database: WorkDB) -> None:
        """Fill the database if it is new or the module has changed; forget survivors if the tests have changed."""
        digests = {"source": self._digest([self.module, _OPERATORS]), "tests": self._digest(self.tests)}
        notes = self.path.with_suffix(".json")
        noted = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
        if noted == digests:
            return
        killed = [(item, result) for item, result in database.completed_work_items if result.is_killed]
        if noted.get("source") == digests["source"]:
            items = list(database.work_items)
        else:
            faults = mutants(self.copy / self.module)
            items, killed = [WorkItem.single(f"{n:05}", fault) for n, fault in enumerate(faults)], []
        database.clear()
        database.add_work_items(items)
        for item, result in killed:
            database.set_result(item.job_id, result)
        notes.write_text(json.dumps(digests), encoding="utf-8")

    def _digest(self, names: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for name in names:
            digest.update((self.copy / name).read_bytes())
        return digest.hexdigest()


class Attempts:
    """The attempts of a session to find faults. `finders`: the tests that have found one, the last one first."""

    def __init__(self, session: Session, runner: Runner) -> None:
        self._session, self._runner = session, runner
        self._path = session.copy / session.module
        self._coverings: dict[str, Covering] = {}
        self._finders: list[str] = []

    def attempt(self, item: WorkItem) -> WorkResult:
        """Create a fault, and run the tests that cover it, one file after the other, until one fails.

        A file is measured when it is first needed. If no test runs the line, all tests run: then the code runs
        before the first test or in another process.
        """
        fault = item.mutations[0]
        source = self._path.read_text(encoding="utf-8")
        lines = statement_lines(self._path, fault.start_pos[0])
        is_covered = False
        for test in self._session.tests:
            if tests := self._covering(test).of_lines(lines):
                is_covered = True
                outcome, output = self._run(fault, tests, test)
                if outcome is not TestOutcome.SURVIVED:
                    break
        if not is_covered:
            outcome, output = self._run(fault, self._session.tests, *self._session.tests)
        return WorkResult(WorkerOutcome.NORMAL, output, outcome, _difference(source, fault))

    def _covering(self, test: str) -> Covering:
        if test not in self._coverings:
            self._coverings[test] = measure(self._runner, test, self._session.folder / "covering")
        return self._coverings[test]

    def _run(self, fault: MutationSpec, tests: Sequence[str], *files: str) -> tuple[TestOutcome, str]:
        known = {test: seconds for file in files for test, seconds in self._covering(file).seconds.items()}
        seconds = sum(known.get(test, 0.0) for test in tests) or sum(known.values())
        limit = _START_SECONDS + _SLOWER * seconds
        # A test that has found a fault in this module may find the next one too.
        ordered = [test for test in self._finders if test in tests]
        ordered += [test for test in tests if test not in ordered]
        try:
            with use_mutation(self._path, get_operator(fault.operator_name)(), fault.occurrence):
                outcome, output = self._runner.run(ordered, limit, **{_MARK: str(os.getpid())})
        finally:
            _end_leftovers()
        if (finder := failed_test(output, ordered)) is not None:
            self._finders = [finder, *(test for test in self._finders if test != finder)]
        return outcome, output


def _difference(source: str, fault: MutationSpec) -> str:
    mutated = mutate_code(source, get_operator(fault.operator_name)(), fault.occurrence) or ""
    return "\n".join(difflib.unified_diff(source.splitlines(), mutated.splitlines(), lineterm="", n=0))


def outcome(result: WorkResult) -> str:
    """Return the result of a fault as a word."""
    if result.test_outcome is TestOutcome.KILLED and result.output == TIMED_OUT:
        return "timed out"
    return str(result.test_outcome.value) if result.test_outcome else str(result.worker_outcome.value)


def _end_leftovers() -> None:
    """End the servers that tests have started and could not stop, because they timed out."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(_MARK) == str(os.getpid()):
                process.kill()


def folder(root: Path) -> Path:
    """Return the folder of the sessions."""
    made = root / FOLDER
    made.mkdir(exist_ok=True)
    return made
