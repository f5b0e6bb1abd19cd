"""The command that tries the faults of some modules and reports the result; `make mutate` runs it."""

import argparse
import os
import sys
from pathlib import Path

from tests.property.home import airflow_home
from tools.mutation.checkout import copy_checkout
from tools.mutation.covering import FailingTestsError
from tools.mutation.modules import modules
from tools.mutation.preloaded import COPY
from tools.mutation.report import LEAST_PERCENT, results, table
from tools.mutation.server import shared_postgres
from tools.mutation.session import Session, folder


def main() -> int:
    """Try the faults of some modules, by default of all, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="paths of modules; all by default")
    parser.add_argument("--report", action="store_true", help="only print the results so far")
    options = parser.parse_args()
    root = Path.cwd()
    known = dict(modules(root))
    if unknown := [name for name in options.modules if name not in known]:
        parser.error(f"{unknown[0]} is not in tools/mutation/modules.py.")
    chosen = options.modules or list(known)
    copy = root if options.report else copy_checkout(root)
    sessions = [Session(module, known[module], copy, folder(root)) for module in chosen]
    failed = not options.report and not _run(sessions)
    module_results = list(results((session.module, session.path) for session in sessions))
    print(table(module_results))
    return int(failed or any(result.percent < LEAST_PERCENT for result in module_results))


def _run(sessions: list[Session]) -> bool:
    """Try the faults of each session; return whether the tests of all succeed without a fault."""
    succeeded = True
    os.environ[COPY] = str(sessions[0].copy)
    with airflow_home(), shared_postgres():
        for session in sessions:
            try:
                session.run()
            except FailingTestsError as error:
                print(error, file=sys.stderr)
                succeeded = False
    return succeeded
