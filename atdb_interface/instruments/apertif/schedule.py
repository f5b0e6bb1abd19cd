"""Schedules: shell scripts with one command `atdb_service --operation=specification ...` per observation."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from atdb_interface.errors import BadRequest
from atdb_interface.instruments.apertif.modes import MODES
from atdb_interface.instruments.interface import find_mode
from atdb_interface.observations import NewObservation

COMMAND = "atdb_service"
Options = dict[str, str | bool]

#: Options whose fields have other names. `data_dir` is a directory on the data host of the mode.
FIELD_NAMES = {"pattern": "beamPattern", "irods_coll": "irods_collection", "data_dir": "data_location"}


def read_schedule(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the place and the fields of each specification in a schedule. The schedule is read, not run.

    Raises BadRequest, which names the first line that is not a specification.
    """
    has_command = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        try:
            fields = _read_command(line)
        except (BadRequest, ValueError) as error:
            raise BadRequest(f"{where}: {error}") from None
        has_command = True
        yield where, fields
    if not has_command:
        raise BadRequest(f"{path} has no {COMMAND} command")


def _read_command(line: str) -> dict[str, object]:
    if line.split(maxsplit=1)[0] != COMMAND:
        raise BadRequest(f"{line.strip()[:60]!r} is not an {COMMAND} command")
    options = read_options(shlex.split(line, comments=True)[1:])
    options.pop("atdb_host", None)
    if options.pop("operation", None) != "specification":
        raise BadRequest("a schedule can only have --operation=specification")
    return specification(options)


def read_options(arguments: Sequence[str]) -> Options:
    """Read `--name=value`, `--name value` and `--name`. Raises BadRequest for anything else."""
    options: Options = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not name:
            raise BadRequest(f"{argument!r} is not an option such as --name=value")
        if name in options:
            raise BadRequest(f"--{name} is given twice")
        if equals:
            options[name] = value
        elif rest and not rest[0].startswith("--"):
            options[name] = rest.pop(0)
        else:
            options[name] = True
    return options


def specification(options: Options) -> dict[str, object]:
    """Return the fields of a specification from options. Options that are not fields go into its field `options`.

    Raises BadRequest.
    """
    options = dict(options)
    data_dir = options.pop("data_dir", None)
    fields: dict[str, object] = {}
    others: Options = {}
    for name, value in options.items():
        field = FIELD_NAMES.get(name, name)
        if field in NewObservation.model_fields and field != "options":
            if value is True and field != "skip_auto_ingest":
                raise BadRequest(f"--{name} requires a value")
            if field in fields:
                raise BadRequest(f"--{name} sets {field}, which another option sets too; give one of them")
            fields[field] = value
        else:
            others[name] = value
    if data_dir is not None:
        if "data_location" in fields:
            raise BadRequest("--data_dir and --data_location set the same field; give one of them")
        if not isinstance(data_dir, str) or not data_dir.startswith("/"):
            raise BadRequest(f"--data_dir: {data_dir!r} is not a directory such as /data/apertif")
        fields["data_location"] = f"{_data_host(fields)}:{data_dir}"
    return {**fields, "options": others}


def _data_host(fields: dict[str, object]) -> str:
    node = fields.get("node")
    if node:
        return str(node)
    try:
        return find_mode(MODES, str(fields.get("observing_mode"))).data_host
    except ValueError as error:
        raise BadRequest(f"--observing_mode: {error}") from None
