"""The data products that an observation writes, by its mode and its specification."""

from atdb_interface.instruments.apertif.site import BEAMS, TIED_ARRAY_BEAMS
from atdb_interface.instruments.interface import Product
from atdb_interface.observations import Observation

#: The types of products.
TYPES = VISIBILITY, TIME_SERIES = "visibility", "timeSeries"
#: The endings of the names of products that are files, and of those that are directories.
FILES = (FITS,) = (".fits",)
DIRECTORIES = (MEASUREMENT_SET,) = (".MS",)
#: casacore writes this file into each table of a MeasurementSet that a program opens, even if it only reads.
TABLE_LOCK = "table.lock"


def is_data(filename: str, path: str) -> bool:
    """Return whether a file in a data product is data."""
    return not (filename.endswith(MEASUREMENT_SET) and path.rpartition("/")[2] == TABLE_LOCK)


def measurement_sets(observation: Observation) -> list[Product]:
    """Return the products of imaging: one MeasurementSet for each beam."""
    return [
        Product(f"WSRTA{observation.taskID}_B{beam:03d}{MEASUREMENT_SET}", VISIBILITY) for beam in range(BEAMS)
    ]


def pulsar_files(observation: Observation) -> list[Product]:
    """Return the products of ARTS SC1: the number of FITS files in the option `ndps`, 1 by default."""
    count = int(str(observation.options.get("ndps", 1)))
    if count == 1:
        return [_fits(observation, "")]
    return [_fits(observation, f"_{number:03d}") for number in range(count)]


def survey_files(observation: Observation) -> list[Product]:
    """Return the products of ARTS SC4: a FITS file per compound beam, in science mode TAB per tied-array beam."""
    if (observation.science_mode or "").upper() != "TAB":
        return [_fits(observation, f"_CB{beam:02d}") for beam in range(BEAMS)]
    tied = range(1, TIED_ARRAY_BEAMS + 1)
    return [_fits(observation, f"_CB{beam:02d}_TAB{tab:02d}") for beam in range(BEAMS) for tab in tied]


def _fits(observation: Observation, part: str) -> Product:
    return Product(f"ARTS{observation.taskID}{part}{FITS}", TIME_SERIES)
