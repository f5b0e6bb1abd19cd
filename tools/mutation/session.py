"""The faults of one module: make each, run the tests that cover it, and keep the result in a database.

A session can be stopped at any time; the next run continues with the faults that have no result. If the module has
changed, the session begins again. If its tests have changed, the faults that survived are tried again.
"""

import contextlib
import hashlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkItem, WorkResult

from tools.mutation.checkout import FOLDER
from tools.mutation.covering import Covering, environment, measure, statement_lines
from tools.mutation.operators import mutants

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
            covering = measure(self.copy, self.module, self.tests, self._covering_path(), temporary)
            print(f"{self.module}: {len(pending)} faults to try", flush=True)
            # Other plugins are not needed, and each takes time to import.
            variables = environment(self.copy, temporary) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
            with _inside(self.copy, variables):
                for number, item in enumerate(pending, start=1):
                    result = self._try(item, covering, temporary)
                    database.set_result(item.job_id, result)
                    print(
                        f"{number}/{len(pending)} line {item.mutations[0].start_pos[0]}: {outcome(result)}",
                        flush=True,
                    )

    def _try(self, item: WorkItem, covering: Covering, temporary: Path) -> WorkResult:
        """Create a fault and run the tests that cover it: all tests of the module if none is known."""
        tests = covering.of_lines(statement_lines(Path(self.module), item.mutations[0].start_pos[0]))
        seconds = sum(covering.seconds.get(test, 0.0) for test in tests) or covering.total_seconds
        arguments = temporary / "tests"
        arguments.write_text("\n".join(tests or self.tests), encoding="utf-8")
        options = "-q -x -p pytest_timeout -p no:cacheprovider --no-header --tb=line"
        command = f"{shlex.quote(sys.executable)} -m pytest {options} {shlex.quote(f'@{arguments}')}"
        try:
            return mutate_and_test(item.mutations, command, _START_SECONDS + _SLOWER * seconds)
        finally:
            _end_leftovers()

    def _prepare(self, database: WorkDB) -> None:
        """Fill the database if it is new or the module has changed; forget survivors if the tests have changed."""
        digests = {"source": self._digest([self.module, _OPERATORS]), "tests": self._digest(self.tests)}
        notes = self.path.with_suffix(".json")
        noted = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
        if noted == digests:
            return
        self._covering_path().unlink(missing_ok=True)
        found = [(item, result) for item, result in database.completed_work_items if result.is_killed]
        if noted.get("source") == digests["source"]:
            items = list(database.work_items)
        else:
            with _inside(self.copy, {}):
                faults = list(mutants(Path(self.module)))
            items, found = [WorkItem.single(f"{n:05}", fault) for n, fault in enumerate(faults)], []
        database.clear()
        database.add_work_items(items)
        for item, result in found:
            database.set_result(item.job_id, result)
        notes.write_text(json.dumps(digests), encoding="utf-8")

    def _covering_path(self) -> Path:
        return self.path.with_suffix(".covering")

    def _digest(self, names: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for name in names:
            digest.update((self.copy / name).read_bytes())
        return digest.hexdigest()


def outcome(result: WorkResult) -> str:
    """Return the result of a fault as a word."""
    if result.test_outcome is TestOutcome.KILLED and result.output == "timeout":
        return "timed out"
    return str(result.test_outcome.value) if result.test_outcome else str(result.worker_outcome.value)


@contextlib.contextmanager
def _inside(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """Work in a folder, with more variables in the environment, which Cosmic Ray passes to the tests."""
    former = dict(os.environ)
    os.environ.update(variables | {_MARK: str(os.getpid())})
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(former)


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
