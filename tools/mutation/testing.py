"""Run tests in a process that has imported the libraries, but none of our code.

To import the libraries takes longer than most tests. So a server imports them once, and forks a process for each
run of the tests, which imports our code from the copy of the checkout.
"""

import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cosmic_ray.work_item import TestOutcome

_LIBRARIES = (
    "alembic.command",
    "alembic.context",
    "astropy.io.fits",
    "flask",
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
    "xdist.scheduler",
)
#: Airflow reads its settings when it is imported, so these are imported only if AIRFLOW_HOME is set.
_AIRFLOW = (
    "airflow.configuration",
    "airflow.providers.http.hooks.http",
    "airflow.sdk",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.serde",
    "airflow.triggers.base",
)
_OPTIONS = ("-q", "-x", "-p", "pytest_timeout", "-p", "no:cacheprovider", "--no-header", "--tb=line")
#: A line of pytest's summary, with the name of the test and perhaps why it failed.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+)$", re.MULTILINE)
TIMED_OUT = "timeout"
_NO_TESTS = 5


def run_tests(
    tests: Sequence[str],
    copy: Path,
    variables: Mapping[str, str],
    timeout_seconds: float | None = None,
    options: Sequence[str] = (),
) -> tuple[TestOutcome, str]:
    """Run tests in a copy of the checkout until one fails; return the outcome and what they print."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_LIBRARIES, *(_AIRFLOW if "AIRFLOW_HOME" in os.environ else ())])
    with tempfile.NamedTemporaryFile("r", errors="replace") as output:
        arguments = ([*_OPTIONS, *options, *tests], str(copy), dict(variables), output.name)
        process = context.Process(target=_run_in_this_process, args=arguments)
        process.start()
        process.join(timeout_seconds)
        if process.exitcode is None and process.pid:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.join()
            return TestOutcome.KILLED, TIMED_OUT
        if process.exitcode == _NO_TESTS:
            raise RuntimeError(f"pytest finds none of {' '.join(tests)}.")
        outcome = TestOutcome.KILLED if process.exitcode else TestOutcome.SURVIVED
        return outcome, output.read()


def failed_test(output: str, tests: Sequence[str]) -> str | None:
    """Return which of some tests has failed, by what pytest has printed; None if that is not clear."""
    for line in _FAILED.findall(output):
        for test in tests:
            if line == test or line.startswith(f"{test} - "):
                return test
    return None


def _run_in_this_process(arguments: list[str], copy: str, variables: dict[str, str], output: str) -> None:
    os.setsid()
    file = os.open(output, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    root = str(Path.cwd())
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in variables
    sys.path[:] = [copy, *(path for path in sys.path if path not in ("", root))]
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # the server may have found the one of its own environment
    os.chdir(copy)
    import pytest  # noqa: PLC0415 - the module itself is imported by processes that run no tests

    code = pytest.main(arguments)
    sys.stdout.flush()
    os._exit(code)  # without the clean-up of the server from which this process was forked
