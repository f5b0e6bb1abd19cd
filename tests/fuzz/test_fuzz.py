"""No request, valid or not, gets a 5xx or a response that the API's own document does not allow.

Schemathesis generates the requests from the document, for a token of each role, and applies all its checks to the
responses. The short run is always the same. A variable with the required number of cases starts the long run:

    ATDB_FUZZ_CASES=10000 pytest -s tests/fuzz
    ATDB_FUZZ_CASES=10000 ATDB_FUZZ_SEED=1234 pytest -s tests/fuzz    # repeats a run
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
#: The role whose run takes longest is first.
ROLES = sorted(SECRETS, key=lambda role: role != "admin")


@pytest.mark.skipif(CASES > 0, reason="the long run is selected")
def test_a_short_run_finds_no_wrong_answer(serve: Serve, tmp_path: Path) -> None:
    def run(role: str) -> int:
        # An admin is allowed everything. The limits of each field are thousands of cases, for the long run.
        of_role = (
            ("--phases=examples,fuzzing,stateful", "--max-examples=3")
            if role == "admin"
            else ("--phases=examples,fuzzing", "--max-examples=1")
        )
        return fuzz(serve, role, tmp_path, "--generation-deterministic", *of_role)

    assert all(for_each_role(run).values())


@pytest.mark.skipif(CASES == 0, reason="set ATDB_FUZZ_CASES to the number of cases of the long run")
@pytest.mark.timeout(0)  # on a busy machine it takes hours
def test_a_long_run_finds_no_wrong_answer(serve: Serve, tmp_path: Path) -> None:
    seed = int(os.environ.get("ATDB_FUZZ_SEED") or secrets.randbelow(2**32))
    print(f"\nATDB_FUZZ_SEED={seed}")
    cases = for_each_role(lambda role: fuzz(serve, role, tmp_path, f"--seed={seed}", "--max-examples=100", ALL))
    print(f"{sum(cases.values())} cases with ATDB_FUZZ_SEED={seed}: {cases}")
    assert sum(cases.values()) >= CASES


def for_each_role(run: Callable[[str], int]) -> dict[str, int]:
    """Run for two roles at a time, each with its own server and database."""
    with ThreadPoolExecutor(2) as lanes:
        return dict(zip(ROLES, lanes.map(run, ROLES), strict=True))


def fuzz(serve: Serve, role: str, directory: Path, *options: str) -> int:
    """Run Schemathesis with a role's token, and return the number of cases; none may have failed."""
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
                *("--report", "json", "--report-json-path", str(report), *options),
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
