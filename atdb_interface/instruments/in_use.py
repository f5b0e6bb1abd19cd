"""The instrument in use: the installed instrument that the setting ATDB_INSTRUMENT names."""

import os
from functools import cache
from importlib.metadata import entry_points

from atdb_interface.instruments.interface import API_VERSION, Instrument

#: The setting that holds the instrument's name, and its default.
SETTING, DEFAULT = "ATDB_INSTRUMENT", "apertif"
GROUP = "atdb.instruments"


class InstrumentError(Exception):
    """The instrument in use is unknown or cannot be used. The message names the setting.

    This is not a ValueError, so that it is not reported as an error in a value of a request.
    """


@cache
def instrument() -> Instrument:
    """Return the instrument in use. Raises InstrumentError."""
    return load(os.environ.get(SETTING) or DEFAULT)


def load(name: str) -> Instrument:
    """Load the instrument of this name only. Raises InstrumentError."""
    installed = {each.name: each for each in entry_points(group=GROUP)}
    if name not in installed:
        known = ", ".join(sorted(installed)) or "none is installed"
        raise InstrumentError(f"{SETTING} must be the name of an installed instrument ({known}), not {name!r}")
    try:
        loaded = installed[name].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InstrumentError(f"{SETTING}: the instrument {name!r} cannot be loaded: {reason}") from error
    if not isinstance(loaded, Instrument):
        value = installed[name].value
        advice = "Correct its package."
        raise InstrumentError(
            f"{SETTING}: the entry point {name!r} must name an Instrument, not {value}. {advice}"
        )
    if loaded.api_version != API_VERSION:
        raise InstrumentError(
            f"{SETTING}: the instrument {name!r} is made for version {loaded.api_version} of the interface, "
            f"and this ATDB has version {API_VERSION}"
        )
    return loaded
