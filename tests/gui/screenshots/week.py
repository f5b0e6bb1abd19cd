"""A week of observing in the shape of a real one: 11.5-hour fields, calibrator scans, pulsars and searches.

Each day's field ends at the time of day that is a quarter of an hour from now: whenever the screenshots are taken,
one observation is about to end and another is about to start.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

FIELDS = ("S0314+36", "S0951+53", "S1100+54", "S1415+36", "S2246+38")
DAYS_BEFORE, DAYS_AFTER = 3, 1
BEAM_BYTES_PER_SECOND = 2_780_000
ENDS_FROM_NOW = timedelta(minutes=15)
_FIELD_SECONDS = 41_400
_IMAGING = {"integration_factor": 30, "central_frequency": 1280, "start_band": 1, "end_band": 24}


@dataclass(frozen=True)
class Planned:
    """A planned observation. `day`: relative to today; `kind`: `field`, `scan 7` etc., selects its history."""

    day: int
    kind: str
    start: datetime
    specification: dict[str, Any]
    filenames: tuple[str, ...] = field(repr=False)
    product_bytes: int

    @property
    def end(self) -> datetime:
        """The end of the observation."""
        return self.start + timedelta(seconds=self.specification["duration"])

    @property
    def total_bytes(self) -> int:
        """The size of all its products."""
        return self.product_bytes * len(self.filenames)

    @property
    def data_host(self) -> str:
        """The data host of its products."""
        return str(self.specification["data_location"]).partition(":")[0]


def planned(now: datetime) -> Iterator[Planned]:
    """Yield the observations of all days, earliest day first."""
    for day in range(-DAYS_BEFORE, DAYS_AFTER + 1):
        end = now.replace(second=0, microsecond=0) + ENDS_FROM_NOW + timedelta(days=day)
        yield from _day(day, end - timedelta(seconds=_FIELD_SECONDS))


def _day(day: int, start: datetime) -> Iterator[Planned]:
    name = FIELDS[day % len(FIELDS)]
    yield _imaging(day, "field", start, name, _FIELD_SECONDS, day % 2 + 1, beams=40, field_beam=0)
    for number, minutes in enumerate((694, 760, 1210)):
        yield _search(day, f"search {number}", start + timedelta(minutes=minutes), f"FRB{day % 7}{number}")
    for number, (pulsar, minutes) in enumerate((("J0613-0200", 825), ("J1012+5307", 850), ("B0531+21", 1285))):
        yield _pulsar(day, f"pulsar {number}", start + timedelta(minutes=minutes), pulsar)
    for beam in range(40):
        at = start + timedelta(minutes=880 + 7 * beam)
        yield _imaging(day, f"scan {beam}", at, f"3C196_{beam}", 298, beam % 2 + 1, beams=1, field_beam=beam)


def _imaging(
    day: int, kind: str, start: datetime, name: str, seconds: int, host: int, *, beams: int, field_beam: int
) -> Planned:
    specification = {
        **_IMAGING,
        "field_ra": 123.400267 if beams == 1 else 48.616667,
        "field_dec": 48.217275 if beams == 1 else 36.379444,
        "field_beam": field_beam,
        "beamPattern": "square_39p1",
        "telescopes": "23456789ABCD",
        "data_location": f"wcudata{host}:/data/apertif",
        "irods_collection": "apertif_main/wcudata",
    }
    first = field_beam if beams == 1 else 0
    return _planned(
        day, kind, start, name, "imaging", seconds, "WSRTA{}_B%03d.MS", range(first, first + beams), specification
    )


def _search(day: int, kind: str, start: datetime, name: str) -> Planned:
    specification = {
        "science_mode": "IAB",
        "field_ra": 29.503,
        "field_dec": 65.716,
        "data_location": "arts001:/data2/output",
        "irods_collection": "arts_main/arts_sc4",
        "options": {"process_triggers": True},
    }
    return _planned(
        day, kind, start, name, "arts_sc4_survey", 3600, "ARTS{}_CB%02d.fits", range(40), specification
    )


def _pulsar(day: int, kind: str, start: datetime, name: str) -> Planned:
    is_crab = name.startswith("B")
    mode = "arts_sc1_baseband" if is_crab else "arts_sc1_timing"
    specification = {
        "field_ra": 83.633 if is_crab else 153.139,
        "field_dec": 22.014 if is_crab else 53.117,
        "number_of_bins": 1024,
        "data_location": "arts041:/data/01/Timing",
        "irods_collection": "arts_main/arts_sc1",
        "skip_auto_ingest": is_crab,
    }
    return _planned(day, kind, start, name, mode, 1200, "ARTS{}.fits", range(1), specification)


def _planned(
    day: int,
    kind: str,
    start: datetime,
    name: str,
    mode: str,
    seconds: int,
    filename: str,
    beams: range,
    more: dict[str, Any],
) -> Planned:
    specification = {
        "field_name": name,
        "observing_mode": mode,
        "starttime": start.isoformat(),
        "duration": seconds,
        **more,
    }
    names = tuple(filename % beam if "%" in filename else filename for beam in beams)
    return Planned(day, kind, start, specification, names, seconds * BEAM_BYTES_PER_SECOND)
