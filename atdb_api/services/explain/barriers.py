"""Explain what keeps an observation from the stage that it waits for, in full sentences."""

from atdb_api.services.explain.explanation import Cause, Explanation
from atdb_api.services.explain.situation import Situation
from atdb_api.services.heartbeats import troubles_of
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import REMOVE
from atdb_interface.reasons import without_code
from atdb_interface.times import GONE_AFTER


def waiting_for(situation: Situation) -> Explanation:
    """Explain what keeps an observation from its stage: the first cause that applies."""
    if named := barriers(situation):
        return Explanation(Cause.BARRIER, " ".join(named))
    if situation.is_claimed:
        until = write_time(situation.observation.claimed_until or situation.now)
        claimed = (
            f"{claimed_by(situation)}, but work has not begun. "
            f"If it does not begin by {until}, the observation becomes available to claim again."
        )
        return Explanation(Cause.CLAIMED, " ".join(filter(None, [claimed, _unable(situation)])))
    if no_slot := _no_slot(situation):
        return Explanation(Cause.NO_SLOT, no_slot)
    if no_consumer := _no_consumer(situation):
        return Explanation(Cause.NO_SERVICE, no_consumer)
    if unable := _unable(situation):
        return Explanation(Cause.SERVICE_UNABLE, unable)
    return Explanation(Cause.IN_QUEUE, _next(situation))


def barriers(situation: Situation) -> list[str]:
    """Return what operators have put before a stage, each as a sentence."""
    named, setting = [], situation.setting
    if setting and setting.paused_by and setting.paused_at:
        since = write_time(setting.paused_at)
        named.append(
            f"Stage {setting.stage} has been paused by {setting.paused_by} since {since}"
            f"{because(setting.pause_reason)}."
        )
    if setting and situation.delayed_until:
        delay = f"Delayed before {setting.stage} until {write_time(situation.delayed_until)}"
        if situation.stage is REMOVE:
            delay += f"; then its data on {data_host(situation)} are deleted"
            delay += ". To prevent this, put the observation on hold"
        named.append(f"{delay}.")
    return named


def claimed_by(situation: Situation) -> str:
    """Report which consumer has claimed an observation, and when."""
    claim = situation.subject.claim
    return f"Claimed by {claim.consumer} at {write_time(claim.at)}" if claim else "Claimed by an unknown consumer"


def _no_slot(situation: Situation) -> str:
    setting, taken = situation.setting, situation.taken
    if setting is None or setting.slots is None or situation.ahead < setting.slots - taken:
        return ""
    slots = f"all {setting.slots}" if taken >= setting.slots else f"{taken} of {setting.slots}"
    stage = setting.stage
    is_next = situation.ahead == 0
    place = f"Next in the queue for {stage}" if is_next else f"Waiting for a slot of {stage}{_position(situation)}"
    return f"{place}; {slots} slots are taken."


def _no_consumer(situation: Situation) -> str:
    if not situation.services:
        return _no_heartbeat(situation, "yet")
    last_seen = situation.services[0].last_seen
    is_gone = situation.now - last_seen > GONE_AFTER
    return _no_heartbeat(situation, f"since {write_time(last_seen)}") if is_gone else ""


def _unable(situation: Situation) -> str:
    """Explain why no service can begin the work at the moment; empty if one of them can."""
    status, stage, reasons = situation.observation.status, _stage(situation), []
    for service in situation.services:
        if situation.now - service.last_seen > GONE_AFTER:
            continue
        trouble = next((each for each in troubles_of(service) if status in each.statuses), None)
        if trouble is None:
            return ""
        since, reason = write_time(trouble.since), because(trouble.reason)
        reasons.append(f"Service {service.name} has been unable to begin {stage} since {since}{reason}.")
    return " ".join(reasons)


def _no_heartbeat(situation: Situation, since: str) -> str:
    return (
        f"Waiting for {_stage(situation)}: no service for status {situation.observation.status} "
        f"has sent a heartbeat {since}. Check that Airflow and its DAG listen are running."
    )


def _next(situation: Situation) -> str:
    name, status = situation.services[0].name, situation.observation.status
    return (
        f"Waiting for {_stage(situation)}{_position(situation)}: "
        f"service {name} is responding and claims observations with status {status}."
    )


def _position(situation: Situation) -> str:
    """Return the place in the queue; empty for the first."""
    return f" at position {situation.ahead + 1} in the queue" if situation.ahead else ""


def because(reason: str | None) -> str:
    """Format a reason to end a sentence: on one line, without its code and its full stop."""
    words = " ".join(without_code(reason or "").split()).removesuffix(".")
    return f": {words}" if words else ""


def _stage(situation: Situation) -> str:
    return str(situation.stage.actor) if situation.stage else ""


def data_host(situation: Situation) -> str:
    """Return the name of the machine on which the data are."""
    return situation.observation.data_location.partition(":")[0]
