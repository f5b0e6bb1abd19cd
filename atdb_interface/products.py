"""Which data products an observation writes, told from its specification."""

from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.fields import BEAMS, Family, family_of
from atdb_interface.observations import Observation

TIED_ARRAY_BEAMS = 12
MEASUREMENT_SET = ".MS"
_TYPES = {Family.IMAGING: "visibility", Family.ARTS_SC1: "timeSeries", Family.ARTS_SC4: "timeSeries"}


def is_directory(filename: str) -> bool:
    """Tell whether a product of this name is a directory: a MeasurementSet is one, all else is one file."""
    return filename.endswith(MEASUREMENT_SET)


def expected_products(observation: Observation) -> list[NewDataProduct]:
    """List the data products that the telescope will write for an observation."""
    kind = _TYPES[family_of(observation.observing_mode)]
    return [
        NewDataProduct(taskID=observation.taskID, filename=filename, dataproduct_type=kind)
        for filename in expected_filenames(observation)
    ]


def expected_filenames(observation: Observation) -> list[str]:
    """Name the files and directories that the telescope will write for an observation.

    Imaging writes one MeasurementSet a beam. ARTS SC1 writes as many FITS files as `--ndps` says, one by
    default. ARTS SC4 writes one a compound beam in science mode IAB, and twelve a beam in mode TAB.
    """
    task_id, beams = observation.taskID, range(BEAMS)
    match family_of(observation.observing_mode):
        case Family.IMAGING:
            return [f"WSRTA{task_id}_B{beam:03d}.MS" for beam in beams]
        case Family.ARTS_SC1:
            count = int(str(observation.options.get("ndps", 1)))
            if count == 1:
                return [f"ARTS{task_id}.fits"]
            return [f"ARTS{task_id}_{number:03d}.fits" for number in range(count)]
        case Family.ARTS_SC4:
            if (observation.science_mode or "").upper() != "TAB":
                return [f"ARTS{task_id}_CB{beam:02d}.fits" for beam in beams]
            tied = range(1, TIED_ARRAY_BEAMS + 1)
            return [f"ARTS{task_id}_CB{beam:02d}_TAB{tab:02d}.fits" for beam in beams for tab in tied]
