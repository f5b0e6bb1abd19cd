"""Schedules: files of specifications, which the instrument in use reads."""

from pathlib import Path

from pydantic import ValidationError

from atdb_interface.cli.run import sentence
from atdb_interface.errors import BadRequest
from atdb_interface.instruments import instrument
from atdb_interface.observations import NewObservation


def read_schedule(path: Path) -> list[NewObservation]:
    """Read a schedule without running it. Raises BadRequest, which names the first invalid specification."""
    observations = []
    try:
        for where, fields in instrument().read_schedule(path):
            try:
                observations.append(NewObservation.model_validate(fields))
            except ValidationError as error:
                raise BadRequest(f"{where}: {sentence(error)}") from None
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from None
    if not observations:
        raise BadRequest(f"{path} has no specification")
    return observations
