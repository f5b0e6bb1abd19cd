"""Which tests run each line of a module: those are the tests that can find a fault in it."""

import ast
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from cosmic_ray.work_item import TestOutcome
from coverage import CoverageData

from tools.mutation.modules import modules
from tools.mutation.testing import run_tests


class FailingTestsError(Exception):
    """The tests fail without a fault."""


@dataclass(frozen=True)
class Covering:
    """The tests of each line. `seconds`: how long each test takes; `total_seconds`: all of them together."""

    tests_of_line: dict[int, list[str]]
    seconds: dict[str, float]
    total_seconds: float

    def of_lines(self, lines: Collection[int]) -> list[str]:
        """Return the tests that run one of some lines, the fastest first.

        No test if none is known: then the code ran before the first test or in another process.
        """
        tests = {test for line in lines for test in self.tests_of_line.get(line, ())}
        return sorted(tests, key=lambda test: self.seconds.get(test, 0.0))


def environment(copy: Path, temporary: Path) -> dict[str, str]:
    """Return the environment in which the tests use the code of a copy, and a folder for temporary files."""
    return os.environ | {
        "PYTEST_ADDOPTS": "",
        # Other plugins of pytest are not needed, and each takes time to import.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
    }


def compile_tests(copy: Path, tests: Sequence[str], variables: Mapping[str, str]) -> None:
    """Compile test files as pytest does, so that this is not repeated for each fault."""
    writing = {name: value for name, value in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run_tests(tests, copy, writing, options=["--collect-only"])


def measure(copy: Path, module: str, tests: Sequence[str], kept: Path, variables: Mapping[str, str]) -> Covering:
    """Return which tests run each line of a module.

    Each file of tests is run once without a fault, and what it covers is kept in a folder, for all modules. It is
    run again if the file has changed, or the module.
    """
    kept.mkdir(exist_ok=True)
    lines: dict[int, list[str]] = defaultdict(list)
    seconds: dict[str, float] = {}
    for test in tests:
        digests = {name: _digest(copy / name) for name in (test, module)}
        path = kept / f"{test.replace('/', '.')}.json"
        read = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"digests": {}}
        if digests.items() - read["digests"].items():
            read = _measure_file(copy, test, kept, variables)
            read["digests"] = {name: _digest(copy / name) for name in (*_sources(copy), test)}
            path.write_text(json.dumps(read), encoding="utf-8")
        for line, names in read["lines"].get(module, {}).items():
            lines[int(line)] += names
        seconds |= read["seconds"]
    return Covering(dict(lines), seconds, sum(seconds.values()))


def _measure_file(copy: Path, test: str, kept: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Run a file of tests, and return how long each takes, and which tests run each line of each module."""
    data, junit, settings = (kept / f"last.{kind}" for kind in ("coverage", "xml", "ini"))
    included = "".join(f"\n    {copy / name}" for name in _sources(copy))
    settings.write_text(f"[run]\ndata_file = {data}\ninclude ={included}\n", encoding="utf-8")
    data.unlink(missing_ok=True)
    options = ["-o", "junit_family=xunit1", f"--junitxml={junit}", "-p", "pytest_cov.plugin", "--cov"]
    options += [f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
    found, output = run_tests([test], copy, variables, options=options)
    if found is not TestOutcome.SURVIVED:
        raise FailingTestsError(f"The tests of {test} fail without a fault.\n{output}")
    print(f"{test}: measured", flush=True)
    seconds = {
        f"{case.get('file')}::{case.get('name')}": float(case.get("time", 0))
        for case in Xml.parse(junit).iter("testcase")  # noqa: S314 - the file is our own
    }
    coverage = CoverageData(str(data))
    coverage.read()
    lines = {}
    for path in coverage.measured_files():
        tests = {
            line: sorted({context.rpartition("|")[0] for context in contexts} - {""})
            for line, contexts in coverage.contexts_by_lineno(path).items()
        }
        lines[Path(path).relative_to(copy).as_posix()] = {line: names for line, names in tests.items() if names}
    return {"seconds": seconds, "lines": lines}


def _sources(copy: Path) -> list[str]:
    """Return the paths of the modules in which faults are tried."""
    return [module for module, _ in modules(copy)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def statement_lines(module: Path, line: int) -> range:
    """Return the lines of the statement at a line; of a statement with a body, the lines before the body."""
    innermost = range(line, line + 1)
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or line
            if line <= last:
                innermost = range(node.lineno, last + 1)
    return innermost
