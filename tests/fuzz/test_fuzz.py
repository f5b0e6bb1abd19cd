"""No request, right or wrong, has a 5xx or an answer that the API's own document does not allow.

Schemathesis makes the requests from the document, for a token of each role, and judges the answers with all its
checks. The short run is always the same. The long one is asked for by the number of cases that it must reach:

    ATDB_FUZZ_CASES=10000 pytest -s tests/fuzz
    ATDB_FUZZ_CASES=10000 ATDB_FUZZ_SEED=1234 pytest -s tests/fuzz    # the same again
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import SECRETS
from tests.fuzz.conftest import Serve

HERE = Path(__file__).parent
CASES = int(os.environ.get("ATDB_FUZZ_CASES", "0"))
ALL = "--phases=examples,coverage,fuzzing,stateful"
#: The one that takes longest is first.
ROLES = sorted(SECRETS, key=lambda role: role != "admin")


@pytest.mark.skipif(CASES > 0, reason="the long run is asked for")
def test_a_short_run_finds_no_wrong_answer(serve: Serve, tmp_path: Path) -> None:
    def run(role: str) -> int:
        # An admin may do all. The limits of each field are thousands of cases more: the long run tries them.
        of_role = (
            ("--phases=examples,fuzzing,stateful", "--max-examples=3")
            if role == "admin"
            else ("--phases=examples,fuzzing", "--max-examples=1")
        )
        return fuzz(serve, role, tmp_path, "--generation-deterministic", *of_role)

    assert all(for_each_role(run).values())


@pytest.mark.skipif(CASES == 0, reason="set ATDB_FUZZ_CASES to the number of cases that a long run must reach")
@pytest.mark.timeout(3600)
def test_a_long_run_finds_no_wrong_answer(serve: Serve, tmp_path: Path) -> None:
    seed = int(os.environ.get("ATDB_FUZZ_SEED") or secrets.randbelow(2**32))
    print(f"\nATDB_FUZZ_SEED={seed}")
    cases = for_each_role(lambda role: fuzz(serve, role, tmp_path, f"--seed={seed}", "--max-examples=100", ALL))
    print(f"{sum(cases.values())} cases with ATDB_FUZZ_SEED={seed}: {cases}")
    assert sum(cases.values()) >= CASES


def for_each_role(run: Callable[[str], int]) -> dict[str, int]:
    """Run for two roles at a time, each with a server and a database of its own."""
    with ThreadPoolExecutor(2) as lanes:
        return dict(zip(ROLES, lanes.map(run, ROLES), strict=True))


def fuzz(serve: Serve, role: str, directory: Path, *options: str) -> int:
    """Let Schemathesis ask with a role's token; the number of cases, of which none may have failed."""
    report = directory / f"{role}.json"
    with serve(role) as target:
        run = subprocess.run(
            [
                *(
                    Path(sys.executable).with_name("schemathesis"),
                    "--config-file",
                    HERE / "schemathesis.toml",
                    "run",
                ),
                *(f"{target.url}/atdb/openapi.json", "--header", f"Authorization: Bearer {target.token}"),
                *("--checks", "all", "--continue-on-failure"),
                *("--suppress-health-check", "all", "--no-color", "--warnings", "off"),
                *("--report", "json", "--report-json-path", report, *options),
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(HERE.parents[1]),
                "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
                "ATDB_FUZZ_TOKEN_ID": str(target.token_id),
                "ATDB_FUZZ_PASSWORD": SECRETS["viewer"],
            },
            capture_output=True,
            text=True,
            check=False,
            cwd=directory,
        )
    assert run.returncode == 0, f"{role}: {run.stdout}{run.stderr}"
    results = json.loads(report.read_text())
    print(f"{role}: {results['test_cases']} in {results['running_time']:.0f} s")
    return int(results["test_cases"]["generated"])
