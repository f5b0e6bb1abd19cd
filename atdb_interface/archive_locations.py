"""The location of each data product in the archive: `<collection>/<taskID>/<filename>`, below the archive's root.

ATDB assigns a location when it creates a product, and stores it with the product. In a location, only the part
before the filename has the format of a taskID. So two locations are never equal, and none is inside another one.
"""

import re

from atdb_interface.characters import holds_refused
from atdb_interface.fields import MANIFEST
from atdb_interface.instruments import instrument
from atdb_interface.observations import Observation

#: The longest name of a file or directory, in bytes.
_LONGEST_PART = 255


def archive_folder(observation: Observation) -> str:
    """Return the folder in which the archive holds the products of an observation.

    The instrument chooses the collection. If this cannot be a collection, the name of the observing mode's kind is
    used.
    """
    collection = instrument().archive_folder(observation).strip("/")
    if not is_plain(collection):
        collection = instrument().mode(observation.observing_mode).name
    return f"{collection}/{observation.taskID}"


def is_plain(collection: str) -> bool:
    """Return whether a collection can be the folder of a taskID.

    None of its parts is empty, hidden, too long, a taskID, the name of a manifest or that of a partial copy.
    """
    is_name = not holds_refused(collection) and "\\" not in collection
    return is_name and all(map(_is_plain_part, collection.split("/")))


def _is_plain_part(part: str) -> bool:
    return (
        bool(part)
        and not part.startswith(".")
        and part != MANIFEST
        and not part.endswith(".part")
        and len(part.encode()) <= _LONGEST_PART
        and not re.fullmatch(instrument().task_ids.pattern, part)
    )
