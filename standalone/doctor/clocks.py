"""The clocks, on which tokens, leases and the starts of observations depend."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from atdb_interface.client.exchange import certificates
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.hooks.atdb import AtdbHook
from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, failed, not_checked, warning, well
from standalone.stack import database

SUBJECT = "clocks"
WARNING_SECONDS, FAILURE_SECONDS = 2.0, 30.0
_TIMEOUT_SECONDS = 10.0
_ADVICE = (
    "Run `timedatectl` on each host. If a clock is not synchronised, restart the time service there: "
    "`systemctl restart systemd-timesyncd`, or chronyd."
)


def check(place: Location) -> Iterator[CheckResult]:
    """Compare the clocks of ATDB, Airflow and the database with the one here."""
    clocks: dict[str, Callable[[], datetime]] = {
        "ATDB": lambda: _of_server(_address(AtdbHook().get_connection("atdb_default")) + "/atdb/health"),
        "Airflow": lambda: _of_server(_address(AirflowHook().get_connection("airflow_api")) + "/api/v2/version"),
        "the database": lambda: _of_database(place),
    }
    offsets: dict[str, float] = {}
    unseen = []
    for name, look in clocks.items():
        before = time.time()
        try:
            shown = look().timestamp()
        except Exception:  # another check reports that it does not respond, and why
            unseen.append(name)
            continue
        after = time.time()
        offset = shown - (before + after) / 2
        # The server may have read its clock at any moment of the request.
        offsets[name] = max(abs(offset) - (after - before) / 2, 0) * (1 if offset > 0 else -1)
    if unseen:
        advice = f"Repair {' and '.join(unseen)} first: `atdb doctor --only database atdb airflow` shows why."
        yield not_checked(SUBJECT, f"cannot read the clock of {' and '.join(unseen)}", advice)
    yield from (judge(name, offset) for name, offset in offsets.items() if abs(offset) > WARNING_SECONDS)
    if offsets and all(abs(offset) <= WARNING_SECONDS for offset in offsets.values()):
        yield well(SUBJECT, f"{', '.join(offsets)} and this machine agree within {WARNING_SECONDS:g} s")


def judge(name: str, offset_seconds: float) -> CheckResult:
    """Report a clock that differs from the one here by more than two seconds; positive if the clock is ahead."""
    direction = "ahead of" if offset_seconds > 0 else "behind"
    seen = f"the clock of {name} is {abs(offset_seconds):.0f} s {direction} the one here"
    return (failed if abs(offset_seconds) > FAILURE_SECONDS else warning)(SUBJECT, seen, _ADVICE)


def _address(connection: object) -> str:
    host, port = getattr(connection, "host", "") or "", getattr(connection, "port", None)
    address = host if "://" in host else f"http://{host}"
    return f"{address}:{port}" if port else address


def _of_server(url: str) -> datetime:
    answer = httpx.head(url, timeout=_TIMEOUT_SECONDS, trust_env=False, verify=certificates())
    # The header has whole seconds, so it is half a second behind on average.
    moment = parsedate_to_datetime(answer.headers["Date"])
    return datetime.fromtimestamp(moment.timestamp() + 0.5, UTC)


def _of_database(place: Location) -> datetime:
    role = "reports" if "reports" in place.credentials.postgresql else "atdb"
    with (
        closing(database.connect(place.settings, place.credentials, role, "atdb")) as opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone() or (None,)
    if not isinstance(moment, datetime):
        raise TypeError("PostgreSQL returned no time")
    return moment
