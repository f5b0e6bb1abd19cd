"""The faults of one module: make each, run the tests that cover it, and keep the result in a database.

A session can be stopped at any time; the next run continues with the faults that have no result. If the module has
changed, the session begins again. If its tests have changed, the faults that survived are tried again.
"""

import contextlib
import difflib
import hashlib
import json
import os
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
from tools.mutation.covering import Covering, compile_tests, environment, measure, statement_lines
from tools.mutation.operators import mutants
from tools.mutation.reasons import known
from tools.mutation.testing import TIMED_OUT, failed_test, run_tests

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
        """Try each fault that has no result yet."""
        with use_db(self.path) as database, tempfile.TemporaryDirectory(prefix="atdb-mutation-") as made:
            temporary = Path(made)
            temporary.chmod(0o755)  # PostgreSQL's account must reach its data below it
            self._prepare(database)
            pending = sorted(database.pending_work_items, key=lambda item: item.mutations[0].start_pos)
            if not pending:
                return
            variables = environment(self.copy, temporary)
            compile_tests(self.copy, self.tests, variables)
            covering = measure(self.copy, self.module, self.tests, self.folder / "covering", variables)
            print(f"{self.module}: {len(pending)} faults to try", flush=True)
            finders: list[str] = []
            for number, item in enumerate(pending, start=1):
                result = self._harmless(item) or self._try(item, covering, variables, finders)
                database.set_result(item.job_id, result)
                line = item.mutations[0].start_pos[0]
                print(f"{number}/{len(pending)} line {line}: {outcome(result)}", flush=True)

    def _try(
        self, item: WorkItem, covering: Covering, variables: dict[str, str], finders: list[str]
    ) -> WorkResult:
        """Create a fault and run the tests that cover it: all tests of the module if none is known.

        `finders`: the tests that have found faults, the last one first. They run first; a new one is added.
        """
        fault, path = item.mutations[0], self.copy / self.module
        tests = covering.of_lines(statement_lines(path, fault.start_pos[0]))
        tests.sort(key=lambda test: finders.index(test) if test in finders else len(finders))
        seconds = sum(covering.seconds.get(test, 0.0) for test in tests) or covering.total_seconds
        marked = variables | {_MARK: str(os.getpid())}
        operator = get_operator(fault.operator_name)()
        diff = _difference(path.read_text(encoding="utf-8"), fault)
        try:
            with use_mutation(path, operator, fault.occurrence):
                limit = _START_SECONDS + _SLOWER * seconds
                found, output = run_tests(tests or self.tests, self.copy, marked, limit)
        finally:
            _end_leftovers()
        if (finder := failed_test(output, tests)) is not None:
            finders[:] = [finder, *(test for test in finders if test != finder)]
        return WorkResult(WorkerOutcome.NORMAL, output, found, diff)

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
        found = [(item, result) for item, result in database.completed_work_items if result.is_killed]
        if noted.get("source") == digests["source"]:
            items = list(database.work_items)
        else:
            faults = mutants(self.copy / self.module)
            items, found = [WorkItem.single(f"{n:05}", fault) for n, fault in enumerate(faults)], []
        database.clear()
        database.add_work_items(items)
        for item, result in found:
            database.set_result(item.job_id, result)
        notes.write_text(json.dumps(digests), encoding="utf-8")

    def _digest(self, names: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for name in names:
            digest.update((self.copy / name).read_bytes())
        return digest.hexdigest()


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
