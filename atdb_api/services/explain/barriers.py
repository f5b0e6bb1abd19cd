"""Say what keeps an observation from the stage that it waits for."""

from atdb_api.services.explain.situation import Situation
from atdb_api.services.heartbeats import troubles_of
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import REMOVE
from atdb_interface.times import GONE_AFTER


def waiting_for(situation: Situation) -> str:
    """Say what keeps an observation from its stage: the first thing that does."""
    if named := barriers(situation):
        return "; ".join(named)
    if situation.is_claimed:
        until = write_time(situation.observation.claimed_until or situation.now)
        said = f"{claimed_by(situation)}, whose run has yet to begin, or it is given out again from {until}"
        return "; ".join(filter(None, [said, _unable(situation)]))
    return _no_slot(situation) or _no_consumer(situation) or _unable(situation) or _next(situation)


def barriers(situation: Situation) -> list[str]:
    """Name what the operators have put before a stage."""
    named, setting = [], situation.setting
    if setting and setting.paused_by and setting.paused_at:
        since = write_time(setting.paused_at)
        named.append(
            f"{setting.stage} is paused by {setting.paused_by} since {since}{because(setting.pause_reason)}"
        )
    if setting and situation.delayed_until:
        delay = f"rests before {setting.stage} until {write_time(situation.delayed_until)}"
        if situation.stage is REMOVE:
            delay += f", when its data on {data_host(situation)} are deleted; hold it to call that off"
        named.append(delay)
    return named


def claimed_by(situation: Situation) -> str:
    """Say who has claimed an observation, and when."""
    claim = situation.subject.claim
    return f"given to {claim.consumer} at {write_time(claim.at)}" if claim else "given to somebody"


def _no_slot(situation: Situation) -> str:
    setting, taken = situation.setting, situation.taken
    if setting is None or setting.slots is None or situation.ahead < setting.slots - taken:
        return ""
    slots = f"all {setting.slots}" if taken >= setting.slots else f"{taken} of {setting.slots}"
    stage = setting.stage
    place = f"waits for a slot of {stage}{_behind(situation)}" if situation.ahead else f"next for {stage}"
    return f"{place}; {slots} slots are taken"


def _no_consumer(situation: Situation) -> str:
    if not situation.services:
        return f"{_no_service(situation)} yet"
    last_seen = situation.services[0].last_seen
    is_gone = situation.now - last_seen > GONE_AFTER
    return f"{_no_service(situation)} since {write_time(last_seen)}" if is_gone else ""


def _unable(situation: Situation) -> str:
    """Return why no service can begin the work at the moment; empty if one of them can."""
    status, stage, reasons = situation.observation.status, _stage(situation), []
    for service in situation.services:
        if situation.now - service.last_seen > GONE_AFTER:
            continue
        trouble = next((each for each in troubles_of(service) if status in each.statuses), None)
        if trouble is None:
            return ""
        since = write_time(trouble.since)
        reasons.append(f"{service.name} has been unable to begin {stage} since {since}: {trouble.reason}")
    return "; ".join(reasons)


def _no_service(situation: Situation) -> str:
    status = situation.observation.status
    return f"waits for {_stage(situation)}, but no service for what is {status} has given a sign of life"


def _next(situation: Situation) -> str:
    name, status = situation.services[0].name, situation.observation.status
    return f"waits for {_stage(situation)}{_behind(situation)}: {name} is there, and is given what is {status}"


def _behind(situation: Situation) -> str:
    return f", behind {situation.ahead} other{'' if situation.ahead == 1 else 's'}" if situation.ahead else ""


def because(reason: str | None) -> str:
    """Put a reason, which may have several lines, behind what it is for."""
    words = " ".join((reason or "").split())
    return f": {words}" if words else ""


def _stage(situation: Situation) -> str:
    return str(situation.stage.actor) if situation.stage else ""


def data_host(situation: Situation) -> str:
    """Name the machine on which the data lie."""
    return situation.observation.data_location.partition(":")[0]
