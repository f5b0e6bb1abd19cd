"""Which tests run each line of a module: those are the tests that can find a fault in it."""

import ast
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from cosmic_ray.work_item import TestOutcome
from coverage import CoverageData

from tools.mutation.testing import Runner


class FailingTestsError(Exception):
    """The tests fail without a fault."""


@dataclass(frozen=True)
class Covering:
    """Which tests of a file run each line of a module. `seconds`: how long each of the tests takes."""

    tests_of_line: dict[int, list[str]]
    seconds: dict[str, float]

    def of_lines(self, lines: Collection[int] | None) -> list[str]:
        """Return the tests that run one of some lines, or any line of the module if None; the fastest first."""
        chosen = self.tests_of_line if lines is None else lines
        tests = {test for line in chosen for test in self.tests_of_line.get(line, ())}
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


def measure(runner: Runner, test: str, kept: Path) -> Covering:
    """Return which tests of a file run each line of a module.

    The file is run once without a fault, and what it covers is kept in a folder, for all modules. It is run again
    if the file has changed, or the module.
    """
    kept.mkdir(exist_ok=True)
    copy, module = runner.copy, runner.module
    digests = {name: _digest(copy / name) for name in (test, module)}
    path = kept / f"{test.replace('/', '.')}.json"
    read = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"digests": {}}
    if digests.items() - read["digests"].items():
        read = _measure_file(runner, test, kept)
        read["digests"] = {name: _digest(copy / name) for name in (*_sources(copy), test)}
        path.write_text(json.dumps(read), encoding="utf-8")
    lines = {int(line): names for line, names in read["lines"].get(module, {}).items()}
    return Covering(lines, read["seconds"])


def statement_lines(module: Path, line: int) -> range | None:
    """Return the lines of the statement at a line; of a statement with a body, the lines before the body.

    None for a statement outside all functions: it runs before the first test, and any test can depend on it.
    """
    innermost, is_in_function = None, False
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or line
            if line <= last:
                innermost = range(node.lineno, last + 1)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                is_in_function = True
    return innermost if is_in_function else None


def _measure_file(runner: Runner, test: str, kept: Path) -> dict[str, Any]:
    """Run a file of tests, and return how long each takes, and which tests run each line of each module."""
    copy = runner.copy
    data, junit, settings = (kept / f"last.{kind}" for kind in ("coverage", "xml", "ini"))
    settings.write_text(f"[run]\ndata_file = {data}\nsource = {copy}\nomit = */tests/*\n", encoding="utf-8")
    data.unlink(missing_ok=True)
    options = ["-o", "junit_family=xunit1", f"--junitxml={junit}", "-p", "pytest_cov.plugin", "--cov"]
    options += [f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
    # Python writes bytecode only here: each run for a fault then uses that of the tests.
    outcome, output = runner.run([test], options=options, PYTHONDONTWRITEBYTECODE="")
    if outcome is not TestOutcome.SURVIVED:
        raise FailingTestsError(f"The tests of {test} fail without a fault.\n{output}")
    print(f"{test}: measured", flush=True)
    seconds = {
        f"{case.get('file')}::{case.get('name')}": float(case.get("time", 0))
        for case in Xml.parse(junit).iter("testcase")  # noqa: S314 - the file is our own
    }
    coverage = CoverageData(str(data))
    coverage.read()
    lines = {}
    for path in filter(coverage.lines, coverage.measured_files()):
        tests = {
            line: sorted({context.rpartition("|")[0] for context in contexts} - {""})
            for line, contexts in coverage.contexts_by_lineno(path).items()
        }
        lines[Path(path).relative_to(copy).as_posix()] = {line: names for line, names in tests.items() if names}
    return {"seconds": seconds, "lines": lines}


def _sources(copy: Path) -> list[str]:
    """Return the paths of the modules of a copy, except for the tests."""
    paths = (path.relative_to(copy) for path in copy.rglob("*.py"))
    return [path.as_posix() for path in paths if path.parts[0] != "tests"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
