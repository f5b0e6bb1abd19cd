"""Telescope control."""

from collections.abc import Iterator

from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook
from standalone.doctor.location import Location
from standalone.doctor.reasons import short
from standalone.doctor.results import CheckResult, failed, well

SUBJECT = "telescope"
#: No observation has this taskID: each begins with a year, month and day.
_NONE = "000000000"


def check(place: Location) -> Iterator[CheckResult]:
    """Ask telescope control for an observation that does not exist, which changes nothing."""
    hook = TelescopeHook()
    hook.get_conn()
    address = hook.base_url
    try:
        hook.task(_NONE)
    except TelescopeError as error:
        yield failed(
            SUBJECT,
            f"telescope control at {address}: {short(error)}",
            "Check that telescope control is running, and that TELESCOPE_HOST and TELESCOPE_PORT are correct. "
            f"If this is the simulator: {place.look_at('telescope')}.",
        )
    else:
        yield well(SUBJECT, f"telescope control at {address} responds")
