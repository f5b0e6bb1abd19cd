"""Apertif: the system of 40 beams on the Westerbork telescope, with its correlator and the machines of ARTS."""

from atdb_interface.instruments.apertif.modes import MODES
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.instruments.apertif.products import DIRECTORIES, FILES, VISIBILITY, is_data
from atdb_interface.instruments.apertif.schedule import FIELD_NAMES, read_schedule
from atdb_interface.instruments.apertif.site import SITE
from atdb_interface.instruments.apertif.specification import (
    FIELDS,
    OPTIONS,
    OTHER_OPTIONS,
    problems,
    shares_telescope,
)
from atdb_interface.instruments.interface import Instrument, TaskIds
from atdb_interface.observations import Observation


def archive_folder(observation: Observation) -> str:
    """Return the collection that the specification names, or the observing mode if it names none."""
    return observation.irods_collection or observation.observing_mode


APERTIF = Instrument(
    site=SITE,
    modes=MODES,
    task_ids=TaskIds(template="{day:%y%m%d}{number:03d}", pattern="[0-9]{9,12}", example="190405034"),
    product_type=VISIBILITY,
    directories=DIRECTORIES,
    files=FILES,
    command=make_parset,
    archive_folder=archive_folder,
    read_schedule=read_schedule,
    fields=FIELDS,
    options=OPTIONS,
    other_options=OTHER_OPTIONS,
    field_names=FIELD_NAMES,
    problems=problems,
    shares_telescope=shares_telescope,
    is_data=is_data,
)
