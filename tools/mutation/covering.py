"""Which tests run each line of a module: those are the tests that can find a fault in it."""

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from coverage import CoverageData


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
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
    }


def measure(copy: Path, module: str, tests: Sequence[str], kept: Path, variables: Mapping[str, str]) -> Covering:
    """Run the tests of a module once without a fault, or read what an earlier run has found (`kept`)."""
    if kept.exists():
        read = json.loads(kept.read_text(encoding="utf-8"))
        lines = {int(line): found for line, found in read["tests_of_line"].items()}
        return Covering(lines, read["seconds"], read["total_seconds"])
    data, junit, settings = (kept.with_suffix(f".{kind}") for kind in ("coverage", "xml", "ini"))
    settings.write_text(f"[run]\ndata_file = {data}\ninclude = {copy / module}\n", encoding="utf-8")
    data.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    coverage = ["--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
    done = subprocess.run(
        [*command, "-o", "junit_family=xunit1", *coverage, *tests],
        cwd=copy,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise FailingTestsError(f"The tests of {module} fail without a fault.\n{done.stdout}{done.stderr}")
    covering = _read(data, copy / module, junit)
    kept.write_text(json.dumps(covering.__dict__), encoding="utf-8")
    return covering


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


def _read(data: Path, module: Path, junit: Path) -> Covering:
    seconds = {
        f"{case.get('file')}::{case.get('name')}": float(case.get("time", 0))
        for case in Xml.parse(junit).iter("testcase")  # noqa: S314 - the file is our own
    }
    coverage = CoverageData(str(data))
    coverage.read()
    tests: dict[int, list[str]] = defaultdict(list)
    for line, contexts in coverage.contexts_by_lineno(str(module)).items():
        names = {context.rpartition("|")[0] for context in contexts}
        tests[line] = sorted(names - {""})
    return Covering(dict(tests), seconds, sum(seconds.values()))
