"""The contents of the products: real FITS files, and directories shaped like CASA MeasurementSets.

Each product grows by one part at a time. A FITS file gets one HDU per part, and is readable after each part. A
MeasurementSet gets its tables first, and then one data file per part.
"""

from dataclasses import dataclass

from astropy.io import fits

from atdb_interface.fields import write_time
from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.apertif.products import FITS
from atdb_interface.instruments.apertif.site import SITE
from standalone.simulator.order import Order

#: The number of parts of a product.
PARTS = 4
#: The samples per time in a FITS file: the number of channels of an ARTS SC4 filterbank.
CHANNELS = 1536
_BLOCK_BYTES = 2880  # a FITS file consists of blocks of this size
_CASA_MAGIC = b"\xbe\xbe\xbe\xbe\x00\x00\x00\x00\x00\x00\x00\x05Table"
_SUBTABLES = ("ANTENNA", "FIELD", "SPECTRAL_WINDOW")
_TABLE_BYTES = 4096


@dataclass(frozen=True)
class FilePart:
    """The bytes that one part adds to one file of a product: a head, noise, and a tail."""

    path: str
    head: bytes
    noise_bytes: int
    tail: bytes = b""


def pieces(order: Order, filename: str, size: int, part: int) -> list[FilePart]:
    """Return the pieces that a part adds to the files of a product of about `size` bytes in total."""
    if filename.endswith(FITS):
        return [_hdu(order, filename, size // PARTS, part)]
    if not APERTIF.is_directory(filename):
        return [FilePart("", b"", max(1, size // PARTS))]
    small = max(1, min(_TABLE_BYTES, size // 64))
    tables = _tables(order, filename, small) if part == 0 else []
    rest = max(1, (size - small * (1 + 2 * len(_SUBTABLES))) // PARTS)
    return [*tables, FilePart(f"table.f{part}", b"", rest)]


def _hdu(order: Order, filename: str, size: int, part: int) -> FilePart:
    rows = max(1, (size - _BLOCK_BYTES) // CHANNELS)
    header = fits.Header()
    header["SIMPLE" if part == 0 else "XTENSION"] = True if part == 0 else "IMAGE"
    header["BITPIX"], header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 8, 2, CHANNELS, rows
    if part == 0:
        header["EXTEND"] = True
    else:
        header["PCOUNT"], header["GCOUNT"] = 0, 1
        header["EXTNAME"], header["EXTVER"] = "SUBINT", part
    header["TELESCOP"] = SITE.name
    header["ORIGIN"] = "ATDB telescope simulator"
    header["OBSID"] = order.task_id
    header["FILENAME"] = _ascii(filename)
    header["OBJECT"] = _ascii(order.field_name)
    header["OBSMODE"] = _ascii(order.observing_mode)
    header["ANTENNAS"] = _ascii(order.telescopes)
    header["TIMESYS"] = "UTC"
    header["DATE-OBS"] = write_time(order.start).removesuffix("Z")
    header["DATE-END"] = write_time(order.end).removesuffix("Z")
    header["EXPTIME"] = (order.duration.total_seconds(), "[s]")
    for keyword, value, unit in (
        ("RA", order.field_ra, "[deg]"),
        ("DEC", order.field_dec, "[deg]"),
        ("FREQ", order.central_frequency, "[MHz] central frequency"),
    ):
        if value is not None:
            header[keyword] = (value, unit)
    noise = rows * CHANNELS
    return FilePart("", header.tostring().encode("ascii"), noise, bytes(-noise % _BLOCK_BYTES))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _tables(order: Order, filename: str, size: int) -> list[FilePart]:
    info = (
        "Type = Measurement Set\nSubType = \n\n"
        "This is a MeasurementSet Table holding measurements from a Telescope\n"
        f"TELESCOP = {SITE.name} (ATDB telescope simulator)\nOBSID = {order.task_id}\nFILENAME = {filename}\n"
        f"FIELD = {order.field_name}\nSTART = {write_time(order.start)}\nEND = {write_time(order.end)}\n"
    )
    return [
        FilePart("table.info", info.encode(), 0),
        FilePart("table.dat", _CASA_MAGIC, size),
        *(FilePart(f"{table}/table.dat", _CASA_MAGIC, size) for table in _SUBTABLES),
        *(FilePart(f"{table}/table.f0", b"", size) for table in _SUBTABLES),
    ]
