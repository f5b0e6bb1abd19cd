"""The settings that only tasks read: a wrong one is found at the start, and not in the night."""

import os
from collections.abc import Iterator, Mapping

from operators import attempts
from operators.maintenance import retention
from standalone.settings import SettingsError


def wrong(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a sentence for each setting that cannot be used."""
    for each in retention.ALL:
        if sentence := each.wrong(environment):
            yield sentence
    try:
        attempts.first_pause(environment)
    except ValueError as error:
        yield str(error)


def check() -> None:
    """Raise SettingsError for the first that cannot be used."""
    for sentence in wrong():
        raise SettingsError(sentence)
