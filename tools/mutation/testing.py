"""Run tests in a process that has imported the libraries, and of our code only what no fault can affect.

To import the libraries takes longer than most tests. So a server imports them once, and forks a process for each
run of the tests, which imports the rest of our code from the copy of the checkout.
"""

import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_item import TestOutcome

_LIBRARIES = (
    "alembic.command",
    "alembic.context",
    "astropy.io.fits",
    "flask",
    "flask_bootstrap",
    "flask_swagger_ui",
    "fsspec.implementations.local",
    "httpx",
    "psycopg2.extras",
    "pydantic",
    "pytest",
    "pytest_timeout",
    "rich.console",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "werkzeug.security",
    "werkzeug.serving",
    "wtforms",
    "xdist.scheduler",
)
#: Airflow reads its settings when it is imported, so these are imported only if AIRFLOW_HOME is set.
_AIRFLOW = (
    "airflow.configuration",
    "airflow.models.dagrun",
    "airflow.providers.http.hooks.http",
    "airflow.sdk",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.serde",
    "airflow.triggers.base",
    "tools.mutation.preloaded",
)
_OPTIONS = ("-q", "-x", "-p", "pytest_timeout", "-p", "no:cacheprovider", "--no-header", "--tb=line")
#: A line of pytest's summary, with the name of the test and perhaps why it failed.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+)$", re.MULTILINE)
TIMED_OUT = "timeout"
#: The packages that import nothing of a package: the layers in pyproject.toml say so.
UNAFFECTED = {
    "atdb_api": ("atdb_interface",),
    "atdb_plugins": ("atdb_interface", "atdb_api"),
    "operators": ("atdb_interface", "atdb_api"),
}
#: What is added to the exit status of pytest, so that an error before it is not mistaken for a failing test.
_DONE = 100
_NO_TESTS = 5


@dataclass(frozen=True)
class Runner:
    """Run tests of a module in a copy of the checkout, with these environment variables."""

    module: str
    copy: Path
    variables: Mapping[str, str]

    def run(
        self, tests: Sequence[str], timeout_seconds: float | None = None, options: Sequence[str] = (), **more: str
    ) -> tuple[TestOutcome, str]:
        """Run tests until one fails; return the outcome and what they print. `more`: environment variables."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_LIBRARIES, *(_AIRFLOW if "AIRFLOW_HOME" in os.environ else ())])
        with tempfile.NamedTemporaryFile("r", errors="replace") as output:
            work = ([*_OPTIONS, *options, *tests], self.module, str(self.copy), {**self.variables, **more})
            process = context.Process(target=_run_in_this_process, args=(*work, output.name))
            process.start()
            process.join(timeout_seconds)
            if process.exitcode is None and process.pid:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.join()
                return TestOutcome.KILLED, TIMED_OUT
            printed = output.read()
            if process.exitcode in (0, 1, _DONE + _NO_TESTS):
                raise RuntimeError(f"pytest has not run {' '.join(tests)}.\n{printed}")
            return (TestOutcome.SURVIVED if process.exitcode == _DONE else TestOutcome.KILLED), printed


def failed_test(output: str, tests: Sequence[str]) -> str | None:
    """Return which of some tests has failed, by what pytest has printed; None if that is not clear."""
    for line in _FAILED.findall(output):
        for test in tests:
            if line == test or line.startswith(f"{test} - "):
                return test
    return None


def _run_in_this_process(
    arguments: list[str], module: str, copy: str, variables: dict[str, str], output: str
) -> None:
    os.setsid()
    file = os.open(output, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    root = str(Path.cwd())
    sys.dont_write_bytecode = bool(variables.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:] = [copy, *(path for path in sys.path if path not in ("", root))]
    os.environ.clear()
    os.environ.update(variables)
    affected = {path.name for path in Path(copy).iterdir()} - set(UNAFFECTED.get(module.partition("/")[0], ()))
    for name in [name for name in sys.modules if name.partition(".")[0] in affected]:
        del sys.modules[name]
    tempfile.tempdir = None  # the server may have found the one of its own environment
    os.chdir(copy)
    import pytest  # noqa: PLC0415 - the module itself is imported by processes that run no tests

    code = pytest.main(arguments)
    sys.stdout.flush()
    os._exit(_DONE + code)  # without the clean-up of the server from which this process was forked
