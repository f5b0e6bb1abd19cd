"""`make test-compose`: start all containers, work with them from outside, break them, and check the result."""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from standalone.settings import REPOSITORY
from tests.compose.breaking import kills, out_of_memory
from tests.compose.deployment import deployed
from tests.compose.operation import doctor, restore, rotation
from tests.compose.outside import pages, ports, refusals, secrets, slow_clients, users
from tests.compose.trial import Trial
from tests.compose.work import demo, report, urgent

STEPS = (
    *(users, ports, slow_clients, pages, refusals, doctor, demo, report, urgent),
    # Before the restore, which makes new containers: their logs are what the steps above have written.
    *(out_of_memory, kills, secrets, restore, rotation, secrets),
)


def main() -> None:
    """Run the steps and report how long each took; the first failure ends the run with its reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--only", help="the steps, separated by commas")
    known = {step.__name__: step for step in STEPS}
    only = parser.parse_args().only
    chosen = [known[name] for name in only.split(",")] if only else STEPS
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as deployment:
        timed("build", lambda: deployment.use(REPOSITORY, "test"))
        timed("up", lambda: deployment.compose("up", "--detach", "--no-build"))
        timed("healthy", deployment.await_healthy)
        print(deployment.memory(), flush=True)
        trial = Trial(deployment)
        for step in chosen:
            timed(step.__name__, partial(step, trial))
    print("All steps passed.")


def timed(name: str, act: Callable[[], object]) -> None:
    """Run a step, and print how long it took."""
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    act()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
