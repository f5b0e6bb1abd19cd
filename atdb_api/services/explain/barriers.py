"""Say what keeps an observation from the stage that it waits for."""

from atdb_api.services.explain.situation import Situation
from atdb_api.services.heartbeats import troubles_of
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import REMOVE
from atdb_interface.times import GONE_AFTER


def waits(found: Situation) -> str:
    """Say what keeps an observation from its stage: the first thing that does."""
    if named := barriers(found):
        return "; ".join(named)
    if found.is_claimed:
        until = write_time(found.observation.claimed_until or found.now)
        said = f"{given(found)}, whose run has yet to begin, or it is given out again from {until}"
        return "; ".join(filter(None, [said, _unable(found)]))
    return _no_slot(found) or _nobody_asks(found) or _unable(found) or _next(found)


def barriers(found: Situation) -> list[str]:
    """Name what the operators have put before a stage."""
    named, setting = [], found.setting
    if setting and setting.paused_by and setting.paused_at:
        since = write_time(setting.paused_at)
        named.append(
            f"{setting.stage} is paused by {setting.paused_by} since {since}{because(setting.pause_reason)}"
        )
    if setting and found.rests_until:
        rest = f"rests before {setting.stage} until {write_time(found.rests_until)}"
        if found.stage is REMOVE:
            rest += f", when its data on {data_host(found)} are deleted; hold it to call that off"
        named.append(rest)
    return named


def given(found: Situation) -> str:
    """Say who has claimed an observation, and when."""
    if found.claim is None:
        return "given to somebody"
    return f"given to {found.claim.consumer} at {write_time(found.claim.created_at)}"


def _no_slot(found: Situation) -> str:
    setting = found.setting
    if setting is None or setting.slots is None or found.ahead < setting.slots - found.taken:
        return ""
    taken = f"all {setting.slots}" if found.taken >= setting.slots else f"{found.taken} of {setting.slots}"
    place = f"waits for a slot of {setting.stage}{_behind(found)}" if found.ahead else f"next for {setting.stage}"
    return f"{place}; {taken} slots are taken"


def _nobody_asks(found: Situation) -> str:
    if not found.services:
        return f"{_no_service(found)} yet"
    last_seen = found.services[0].last_seen
    return "" if found.now - last_seen <= GONE_AFTER else f"{_no_service(found)} since {write_time(last_seen)}"


def _unable(found: Situation) -> str:
    """Return why no service can begin the work at the moment; empty if one of them can."""
    status, reasons = found.observation.status, []
    for service in found.services:
        if found.now - service.last_seen > GONE_AFTER:
            continue
        trouble = next((each for each in troubles_of(service) if status in each.statuses), None)
        if trouble is None:
            return ""
        since = write_time(trouble.since)
        reasons.append(f"{service.name} has been unable to begin {_stage(found)} since {since}: {trouble.reason}")
    return "; ".join(reasons)


def _no_service(found: Situation) -> str:
    status = found.observation.status
    return f"waits for {_stage(found)}, but no service for what is {status} has given a sign of life"


def _next(found: Situation) -> str:
    name, status = found.services[0].name, found.observation.status
    return f"waits for {_stage(found)}{_behind(found)}: {name} is there, and is given what is {status}"


def _behind(found: Situation) -> str:
    return f", behind {found.ahead} other{'' if found.ahead == 1 else 's'}" if found.ahead else ""


def because(reason: str | None) -> str:
    """Put a reason, which may have several lines, behind what it is for."""
    words = " ".join((reason or "").split())
    return f": {words}" if words else ""


def _stage(found: Situation) -> str:
    return str(found.stage.actor) if found.stage else ""


def data_host(found: Situation) -> str:
    """Name the machine on which the data lie."""
    return found.observation.data_location.partition(":")[0]
