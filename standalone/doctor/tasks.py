"""The settings that only tasks read, and the site's own connections."""

import os
from collections.abc import Iterator

from airflow.sdk import BaseHook

from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, failed, well
from standalone.stack import task_settings
from standalone.stack.programs import SITE_VARIABLES

SUBJECT = "task settings"
_ADVICE = "Correct it, and restart the stack; docs/settings.md lists all settings."


def check(_: Location) -> Iterator[CheckResult]:
    """Read each setting and connection as tasks do."""
    wrong = list(_wrong())
    for sentence in wrong:
        yield failed(SUBJECT, sentence, _ADVICE)
    if not wrong:
        yield well(SUBJECT, "all values are valid")


def _wrong() -> Iterator[str]:
    yield from task_settings.wrong()
    for connection_id, variable in SITE_VARIABLES.items():
        if variable not in os.environ:
            continue
        try:
            BaseHook.get_connection(connection_id)
        except Exception:  # the error may quote the connection, with its password
            yield f"{variable}, or the one in the secrets, is neither a URL nor JSON of an Airflow connection"
