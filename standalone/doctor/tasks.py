"""The settings that only tasks read, and the connections that a site has set itself."""

import os
from collections.abc import Iterator

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from operators.maintenance import retention
from operators.tries import tries
from standalone.doctor.findings import Finding, failed, well
from standalone.doctor.place import Place
from standalone.programs import SITE_CONNECTIONS

SUBJECT = "task settings"
_ADVICE = "Correct it, and start the stack again; docs/settings.md lists all settings."


def check(_: Place) -> Iterator[Finding]:
    """Read each as tasks do."""
    wrong = list(_wrong())
    for sentence in wrong:
        yield failed(SUBJECT, sentence, _ADVICE)
    if not wrong:
        yield well(SUBJECT, "each value can be used")


def _wrong() -> Iterator[str]:
    for each in retention.ALL:
        try:
            each.days()
        except AirflowFailException:
            days = f"from {each.least_days} to {retention.MOST_DAYS}"
            given = os.environ.get(each.variable)
            yield f"{each.variable} must be a whole number of days {days}, not {given!r}"
    try:
        tries()
    except (ValueError, OverflowError):
        given = os.environ.get("ATDB_RETRY_SECONDS")
        yield f"ATDB_RETRY_SECONDS must be a number of seconds, not {given!r}"
    for variable in SITE_CONNECTIONS:
        if variable not in os.environ:
            continue
        try:
            BaseHook.get_connection(variable.removeprefix("AIRFLOW_CONN_").lower())
        except Exception:  # the error may quote the connection, with its password
            yield f"{variable} is neither a URL nor JSON of an Airflow connection"
