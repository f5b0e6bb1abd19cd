"""Schedules: shell scripts of `atdb_service --operation=specification ...` commands, one an observation."""

import shlex
from pathlib import Path

from pydantic import ValidationError

from atdb_interface.cli.atdb_service import read_options, specification
from atdb_interface.cli.run import sentence
from atdb_interface.errors import BadRequest
from atdb_interface.observations import NewObservation

COMMAND = "atdb_service"


def read_schedule(path: Path) -> list[NewObservation]:
    """Read a schedule without running it; BadRequest names the first line that is no specification."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from None
    observations = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            observations.append(_specification(line))
        except (BadRequest, ValidationError, ValueError) as error:
            raise BadRequest(f"{path}, line {number}: {sentence(error)}") from None
    if not observations:
        raise BadRequest(f"{path} holds no {COMMAND} command")
    return observations


def _specification(line: str) -> NewObservation:
    if line.split(maxsplit=1)[0] != COMMAND:
        raise BadRequest(f"{line.strip()[:60]!r} is not an {COMMAND} command")
    options = read_options(shlex.split(line, comments=True)[1:])
    options.pop("atdb_host", None)
    if options.pop("operation", None) != "specification":
        raise BadRequest("not --operation=specification")
    return specification(options)
