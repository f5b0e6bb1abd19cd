"""`atdb doctor`: check everything that a deployment needs, and report what to do about each failure.

For a stack of `make up`, run `make doctor` on its machine. For containers, run it in the service `worker`, which
has the settings and connections of tasks: `docker compose exec worker atdb doctor`.

Exit status: 0 if all checks passed, 1 if any check failed, 3 if there are only warnings.
"""

import argparse
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress

from standalone.doctor import configuration, report
from standalone.doctor.location import Location
from standalone.doctor.parallel import Check, run
from standalone.doctor.results import CheckResult, exit_status, not_checked
from standalone.settings import Executor, Settings, SettingsError
from standalone.stack.programs import minimal_environment

_NAMES = (
    "tasks",
    "database",
    "atdb",
    "airflow",
    "workers",
    "telescope",
    "archive",
    "data",
    "clocks",
    "certificate",
)
_MOST_COLUMNS = 140


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="atdb doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects, for programs")
    chosen = f"run only these checks: {', '.join(_NAMES)}"
    parser.add_argument("--only", nargs="+", choices=_NAMES, metavar="CHECK", help=chosen)
    options = parser.parse_args(arguments)
    results = examine(options.only or _NAMES)
    columns = min(shutil.get_terminal_size((_MOST_COLUMNS, 24)).columns, _MOST_COLUMNS)
    print(report.as_json(results) if options.json else report.table(results, columns))
    return exit_status(results)


def examine(names: Iterable[str]) -> list[CheckResult]:
    """Check the settings and secrets, then run the named checks with them.

    This process gets the environment of a task.
    """
    results = list(configuration.of_settings())
    try:
        settings = Settings.from_environment()
    except SettingsError:
        return [*results, _nothing_else("the settings are not valid")]
    checks = [Check("certificate", lambda: _of_certificate(settings), "Check the network to nginx.")]
    if set(names) - {"certificate"}:
        place, of_secrets = configuration.of_secrets(settings)
        results += of_secrets
        if place is None:
            return [*results, _nothing_else("all other checks need the secrets")]
        os.environ.update(_environment(place))
        checks = [*_checks(place), *checks]
    return results + run([check for check in checks if check.name in names])


def _of_certificate(settings: Settings) -> Iterable[CheckResult]:
    from standalone.doctor import certificate  # noqa: PLC0415 - only Airflow's image has its packages

    return certificate.check(settings)


def _nothing_else(reason: str) -> CheckResult:
    return not_checked("other checks", reason, "Correct this first, then run `atdb doctor` again.")


def _environment(place: Location) -> dict[str, str]:
    """Return the environment of a task here, and remove all other variables of this process, such as a proxy."""
    environment = minimal_environment(place.settings) | place.tasks().environment
    for name in set(os.environ) - environment.keys():
        with suppress(KeyError):
            del os.environ[name]
    return environment


def _checks(place: Location) -> list[Check]:
    """Return all checks except the check of the certificate.

    They are imported here, because Airflow reads its configuration from the environment when it is imported.
    """
    from standalone.doctor import (  # noqa: PLC0415
        airflow,
        archive,
        atdb,
        clocks,
        data,
        postgres,
        tasks,
        telescope,
    )

    checks = [
        Check("tasks", lambda: tasks.check(place), "Compare the settings with docs/settings.md."),
        Check("database", lambda: postgres.check(place), f"{place.look_at('postgres')}."),
        Check("atdb", lambda: atdb.check(place), f"{place.look_at('api')}."),
        Check("airflow", lambda: airflow.check(place), f"{place.look_at('airflow-api-server')}."),
    ]
    if place.settings.executor is Executor.CELERY:
        from standalone.doctor import workers  # noqa: PLC0415 - with the local executor, Celery is not needed

        checks.append(Check("workers", lambda: workers.check(place), f"{place.look_at('redis')}."))
    return [
        *checks,
        Check("telescope", lambda: telescope.check(place), "Check the network to telescope control."),
        Check("archive", lambda: archive.check(place), "Check the mount or the server of the archive."),
        Check(
            "data", lambda: data.check(place), "Check the mounts with `df`. One does not respond or has failed."
        ),
        Check("clocks", lambda: clocks.check(place), "Compare the clocks by hand: `date -u` on each host."),
    ]
