"""Check the settings that only tasks read.

So a wrong one is found at the start, and not in the middle of the night.
"""

import os
from collections.abc import Iterator, Mapping

from atdb_interface.instruments import in_use
from operators import attempts
from operators.maintenance import retention
from standalone.settings import SettingsError


def wrong(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a sentence for each setting that is not valid."""
    for each in retention.ALL:
        if sentence := each.wrong(environment):
            yield sentence
    try:
        attempts.first_pause(environment)
    except ValueError as error:
        yield str(error)
    try:
        in_use.load(environment.get(in_use.SETTING) or in_use.DEFAULT)
    except in_use.InstrumentError as error:
        yield str(error)


def check() -> None:
    """Raise SettingsError for the first setting that is not valid."""
    for sentence in wrong():
        raise SettingsError(sentence)
