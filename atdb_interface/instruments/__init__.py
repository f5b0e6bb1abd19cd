"""What belongs to one telescope and its observatory, behind one small interface; the rest of ATDB knows no mode.

An instrument is an `Instrument`, mostly data, in a package of its own, and registered as an entry point in the
group `atdb.instruments`. The setting ATDB_INSTRUMENT names the one in use, and only that one is loaded.
"""

from atdb_interface.instruments.in_use import InstrumentError, instrument
from atdb_interface.instruments.interface import Instrument, Mode, Product, Site, TaskIds

__all__ = ["Instrument", "InstrumentError", "Mode", "Product", "Site", "TaskIds", "instrument"]
