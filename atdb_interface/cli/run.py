"""What the commands print, and their error handling: an error becomes one message and an exit status."""

import sys
from collections.abc import Callable
from typing import TextIO

from pydantic import ValidationError

from atdb_interface.characters import in_one_line
from atdb_interface.client.presets import ConfigError
from atdb_interface.errors import AtdbError, Unavailable, Unexpected
from atdb_interface.field_errors import field_of, message_of
from atdb_interface.instruments import InstrumentError, instrument

DONE, CANNOT, REFUSED = 0, 1, 2


def run(program: str, work: Callable[[], None]) -> int:
    """Do the work and return the exit status: 0 for success, 2 for a refusal, 1 if ATDB cannot be reached."""
    try:
        instrument()
        work()
    except (Unavailable, Unexpected, ConfigError, InstrumentError) as error:
        say(f"{program}: {error}", file=sys.stderr)
        return CANNOT
    except (AtdbError, ValueError) as error:
        say(f"{program}: {sentence(error)}", file=sys.stderr)
        return REFUSED
    return DONE


def say(text: str, *, file: TextIO | None = None) -> None:
    """Print one line in which no text from outside can control the terminal."""
    print(in_one_line(text), file=file)


def sentence(error: Exception) -> str:
    """Format an error as one message. It names the options that cannot be read."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"--{'.'.join(map(str, field_of(item)))}: " * bool(field_of(item))
        + message_of(item)
        + (f" (got {str(item['input'])[:60]!r})" if item["loc"] else "")
        for item in error.errors(include_url=False)
    )
