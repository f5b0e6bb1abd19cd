"""The command: `python -m tests.property [--steps N] [--seed N] [--walkers N]`; `make property` runs it."""

import argparse
import random
import sys
import time
from pathlib import Path

from tests.property.home import airflow_home


def main() -> int:
    """Walk, in several processes at once, and print the result; each walker has a database of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.property", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="of all walkers together")
    parser.add_argument("--seed", default="", help="repeat an earlier run; default: a new one")
    parser.add_argument("--walkers", type=int, default=2, help="the number of walks at the same time")
    parser.add_argument("--logs", type=Path, default=Path(".atdb-property"), help="a line for each step")
    parser.add_argument("--ignore", action="append", default=[], help="a rule of the judge that does not count")
    options = parser.parse_args()
    seed = options.seed or str(random.randrange(10**6))
    print(f"SEED={seed} STEPS={options.steps}", flush=True)
    begin = time.monotonic()
    options.logs.mkdir(exist_ok=True)
    with airflow_home():
        from tests.property.running import run_walkers  # Airflow reads its home when it is imported

        failed = run_walkers(seed, options.steps, options.walkers, options.logs, options.ignore)
    print(f"{'Failed' if failed else 'Passed'} after {time.monotonic() - begin:.0f} s with SEED={seed}.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
