"""The parset that starts the telescope: one `key=value` per line, from an observation's specification.

A parset has no escapes. A value that the telescope would read as several lines or several data products is an
error. ATDB accepts no such value, but an earlier version may have accepted one.
"""

from collections.abc import Iterable

from atdb_interface.characters import holds_refused
from atdb_interface.fields import write_time
from atdb_interface.observations import Observation


def make_parset(observation: Observation, filenames: Iterable[str]) -> str:
    """Return the parset of an observation that writes these data products.

    Raises ValueError for a value that a parset cannot hold.
    """
    entries = {
        "task.taskID": observation.taskID,
        "task.startTime": write_time(observation.starttime),
        "task.endTime": write_time(observation.endtime),
        "task.observingMode": observation.observing_mode,
        "task.fieldName": observation.field_name,
        "task.fieldRa": observation.field_ra,
        "task.fieldHa": observation.field_ha,
        "task.fieldDec": observation.field_dec,
        "task.fieldBeam": observation.field_beam,
        "task.beamPattern": observation.beamPattern,
        "task.integrationFactor": observation.integration_factor,
        "task.centralFrequency": observation.central_frequency,
        "task.startBand": observation.start_band,
        "task.endBand": observation.end_band,
        "task.telescopes": observation.telescopes,
        "task.scienceMode": observation.science_mode,
        "task.numberOfBins": observation.number_of_bins,
        "task.parFile": observation.par_file_name,
        "task.template": observation.parset_location,
        "dataWriter.dataLocation": observation.data_location,
        "dataWriter.products": ",".join(map(_in_list, filenames)),
    }
    return "".join(f"{key}={_in_line(key, value)}\n" for key, value in entries.items() if value is not None)


def _in_list(filename: str) -> str:
    if "," in filename:
        raise ValueError(f"the data product {filename!r} has a comma, which separates names in a parset")
    return filename


def _in_line(key: str, value: object) -> str:
    if holds_refused(text := str(value)):
        raise ValueError(f"{key} is {text[:100]!r}, which holds line breaks or control characters")
    return text


def read_parset(text: str) -> dict[str, str]:
    """Read a parset; `#` begins a comment line. Raises ValueError for an invalid line or a repeated key."""
    entries: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ValueError(f"line {number} is not key=value")
        if key in entries:
            raise ValueError(f"line {number} repeats the key {key}")
        entries[key] = value.strip()
    return entries
