"""The script of a rehearsal: all observations and faults, drawn from one seed before it begins."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from atdb_interface.observations import NewObservation
from standalone.rehearsal import hostile
from standalone.rehearsal.faults import (
    BREAKS_A_PRODUCT,
    OF_ALL,
    OF_OBSERVATIONS,
    PROCESSES,
    UNMOUNTS,
    RehearsedFault,
)

#: How many times faster than real time the simulator observes.
SPEEDUP = 30.0
#: The time from the submission of an observation to its start, and from the last start to the last fault.
LEAD_SECONDS = 45
TAIL_SECONDS = 20
#: The time between observations; two cores can handle twice as many.
PACE_SECONDS = 5.5
_FAULTY_SHARE = 0.7
#: In a hundred observations, how often each fault of OF_ALL occurs; the others occur _SOMETIMES.
_OFTEN = {
    RehearsedFault.KILL_TASK: 5,
    RehearsedFault.KILL_SUPERVISOR: 3,
    RehearsedFault.DROP_AIRFLOW: 1,
    RehearsedFault.PAUSE: 3,
}
_SOMETIMES = 2
#: With fewer observations, a rehearsal has only some kinds of the faults of all work.
_ALL_KINDS = 40


@dataclass(frozen=True)
class ScriptedObservation:
    """One observation: its start, in seconds from the beginning, and the fault that affects it, if any.

    `heals`: a damaged product is repaired. `moment`: when an operator acts, in seconds from the start.
    """

    number: int
    starts: float
    specification: dict[str, object]
    fault: RehearsedFault | None = None
    product: int = 0
    heals: bool = True
    moment: float = 0.0


@dataclass(frozen=True)
class ScriptedFault:
    """A fault that affects all work in progress at a time, in seconds from the beginning."""

    at: float
    fault: RehearsedFault


@dataclass(frozen=True)
class Script:
    """A complete rehearsal: its observations, the faults of all work, and the roles of the hostile accounts."""

    seed: int
    observations: list[ScriptedObservation]
    faults: list[ScriptedFault]
    hostile_roles: list[str] = field(default_factory=hostile.roles)


def write(observations: int, seed: int) -> Script:
    """Write the script of a full rehearsal: more than half of the observations have faults of their own."""
    rng = random.Random(seed)  # noqa: S311 (a rehearsal must be repeatable)
    drawn_faults = _spread(rng, OF_OBSERVATIONS, observations)
    starts = [LEAD_SECONDS + number * PACE_SECONDS * rng.uniform(0.9, 1.1) for number in range(observations)]
    scripted = [
        _scripted(rng, number, start, _specification(rng, number), fault)
        for number, (start, fault) in enumerate(zip(starts, drawn_faults, strict=True))
    ]
    return Script(seed, scripted, _scripted_faults(rng, _common(rng, observations), max(starts) + TAIL_SECONDS))


def write_short(
    seed: int, own: Sequence[RehearsedFault | None], common: Sequence[RehearsedFault], seconds: float
) -> Script:
    """Write the script of a short rehearsal, with these faults and no others."""
    rng = random.Random(seed)  # noqa: S311
    pace = seconds / max(1, len(own))
    scripted = [
        _scripted(rng, number, LEAD_SECONDS / 2 + number * pace, _specification(rng, number), fault)
        for number, fault in enumerate(own)
    ]
    return Script(seed, scripted, _scripted_faults(rng, common, LEAD_SECONDS / 2 + seconds))


def write_replay(schedule: Sequence[NewObservation], seed: int) -> Script:
    """Write the script of a real schedule with faults: its observations in their order, at an even pace."""
    rng = random.Random(seed)  # noqa: S311
    drawn_faults = _spread(rng, OF_OBSERVATIONS, len(schedule))
    ordered = sorted(schedule, key=lambda new: new.starttime)
    scripted = []
    for number, (new, fault) in enumerate(zip(ordered, drawn_faults, strict=True)):
        fields = new.model_dump(mode="json", exclude_none=True, exclude={"starttime", "endtime", "duration"})
        scripted.append(
            _scripted(rng, number, LEAD_SECONDS + number * PACE_SECONDS, fields | {"duration": 60}, fault)
        )
    last = LEAD_SECONDS + len(schedule) * PACE_SECONDS
    return Script(seed, scripted, _scripted_faults(rng, _common(rng, len(schedule)), last + TAIL_SECONDS))


def _common(rng: random.Random, observations: int) -> list[RehearsedFault]:
    """List the faults that affect all work: for fewer observations less often, and for few only some kinds."""
    if observations >= _ALL_KINDS:
        share = min(1.0, observations / 100)
        counts = {fault: max(1, round(_OFTEN.get(fault, _SOMETIMES) * share)) for fault in OF_ALL}
        return [fault for fault in OF_ALL for _ in range(counts[fault])]
    return rng.sample(OF_ALL, max(1, len(OF_ALL) * observations // _ALL_KINDS))


def _spread(rng: random.Random, kinds: Sequence[RehearsedFault], observations: int) -> list[RehearsedFault | None]:
    """Return a fault or None for each observation; all kinds occur equally often, or a few of them once."""
    faulty = round(_FAULTY_SHARE * observations)
    kinds = rng.sample(kinds, len(kinds))
    drawn: list[RehearsedFault | None] = [kinds[number % len(kinds)] for number in range(faulty)]
    drawn += [None] * (observations - faulty)
    rng.shuffle(drawn)
    return drawn


def _scripted(
    rng: random.Random, number: int, start: float, specification: dict[str, object], fault: RehearsedFault | None
) -> ScriptedObservation:
    specification = _fitted(specification, number, fault)
    moment = rng.uniform(-15, 20) if fault in {RehearsedFault.CANCEL, RehearsedFault.HOLD} else 0.0
    heals = fault not in BREAKS_A_PRODUCT or rng.random() < 0.6
    return ScriptedObservation(number, start, specification, fault, rng.randrange(40), heals, moment)


#: The fields that only the small observations have.
_OF_ARTS = ("irods_collection", "options")


def _fitted(specification: dict[str, object], number: int, fault: RehearsedFault | None) -> dict[str, object]:
    """Return the specification of an observation to which a fault can apply."""
    if fault in UNMOUNTS:  # a disk with nothing else on it
        place = {"data_location": f"disk{number:03d}:/data/01/Timing"}
        return specification | place
    if fault is RehearsedFault.LOCK_GROWING and specification["observing_mode"] != "imaging":
        imaging = {"observing_mode": "imaging", "data_location": "wcudata1:/data/apertif"}
        common = {name: value for name, value in specification.items() if name not in _OF_ARTS}
        return common | imaging
    if fault is RehearsedFault.KILL_REMOVAL and "options" in specification:
        return specification | {"options": {"ndps": 5}}
    return specification


def _specification(rng: random.Random, number: int) -> dict[str, object]:
    """Return a specification: one of twelve is imaging, with 40 MeasurementSets; the others are small."""
    field = {"field_name": f"REHEARSAL_{number:03d}", "field_ra": 24.422081, "field_dec": 33.159759}
    common = {**field, "duration": rng.choice([60, 90, 120])}
    if number % 12 == 5:
        return common | {"observing_mode": "imaging", "data_location": "wcudata1:/data/apertif"}
    return common | {
        "observing_mode": "arts_sc1_timing",
        "data_location": f"arts00{rng.randint(1, 3)}:/data/01/Timing",
        "irods_collection": rng.choice(["arts_main/arts_sc1", "arts_main/survey"]),
        "options": {"ndps": rng.randint(2, 6)},
    }


def _scripted_faults(
    rng: random.Random, drawn_faults: Sequence[RehearsedFault], seconds: float
) -> list[ScriptedFault]:
    """Return the faults in a random order, each at a random moment.

    Between two moments is enough time to recover from a fault that kills a service.
    """
    drawn = list(drawn_faults)
    rng.shuffle(drawn)
    room = (seconds - LEAD_SECONDS / 2) / max(1, len(drawn))
    return [
        ScriptedFault(LEAD_SECONDS / 2 + room * (number + rng.uniform(0.1, 0.9)), fault)
        for number, fault in enumerate(drawn)
    ]


def is_kill(fault: RehearsedFault) -> bool:
    """Return whether a fault ends processes; such faults occur one after the other."""
    return fault in PROCESSES or fault in {
        RehearsedFault.KILL_TASK,
        RehearsedFault.KILL_SUPERVISOR,
        RehearsedFault.DROP_AIRFLOW,
    }
