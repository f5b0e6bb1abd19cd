"""Instruments: everything that is specific to one telescope, behind one interface.

An instrument is an `Instrument` object in a package of its own. The package registers it as an entry point in the
group `atdb.instruments`. The setting ATDB_INSTRUMENT names the instrument in use, and ATDB loads no other.
"""

from atdb_interface.instruments.in_use import InstrumentError, instrument
from atdb_interface.instruments.interface import Instrument, Mode, Product, Site, TaskIds

__all__ = ["Instrument", "InstrumentError", "Mode", "Product", "Site", "TaskIds", "instrument"]
