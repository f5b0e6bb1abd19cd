"""The command `atdb_service` of astronomers' schedules: long options, `--name=value` or bare flags.

    atdb_service --operation=specification --field_name=3C48 --starttime='2019-04-08 14:45:00' ...
    atdb_service --operation=change_status --search_key=taskid:190405034 --status=valid
    atdb_service --operation=delete_taskid --taskid=190405034
    atdb_service --operation=add_dataproduct --taskid=190405034 --filename=WSRTA190405034_B000.MS

--atdb_host is the name of a preset in the configuration (default: its default_host), or a URL. Exit status: 0 for
success, 2 if an option cannot be read or ATDB refuses the request, 1 if ATDB cannot be reached.
"""

import sys
from collections.abc import Callable, Sequence
from textwrap import fill

from pydantic import BaseModel

from atdb_interface.cli.run import run, say
from atdb_interface.client import Client
from atdb_interface.client.presets import find_host
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.errors import BadRequest
from atdb_interface.instruments.apertif.schedule import Options, read_options, specification
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import NewObservation
from atdb_interface.quantities import count_of


def _listed(model: type[BaseModel], left_out: str) -> str:
    """List the fields of a model as options; those that can be left out are in brackets."""
    fields = model.model_fields.items()
    options = {f"--{name}": field.is_required() for name, field in fields if name != left_out}
    return ", ".join(option if is_required else f"[{option}]" for option, is_required in options.items())


def _help() -> str:
    paragraphs = [
        "The options of each operation. Those in brackets are optional, but endtime or duration is required:",
        *(f"{operation}: {text}" for operation, text in _OPTIONS.items()),
    ]
    options = (fill(each, 110, subsequent_indent="    ", break_on_hyphens=False) for each in paragraphs)
    return "\n".join([__doc__ or "", *options])


def _specification(client: Client, options: Options) -> str:
    new = client.create_observation(NewObservation.model_validate(specification(options)))
    return f"{new.taskID} {new.my_status}: {new.field_name} {new.observing_mode}"


def _change_status(client: Client, options: Options) -> str:
    task_id, status = _task_id(options), _needed(options, "status")
    if status not in {*Status, *ProductStatus}:
        raise BadRequest(f"--status: {status!r} is not one of {', '.join(Status)}")
    resource = options.pop("resource", "observations")
    owner = _needed(options, "owner") if "owner" in options else None
    _nothing_more(options)
    if resource == "observations":
        client.move(task_id, Status(status), owner=owner)
        return f"{task_id} {status}"
    if resource == "dataproducts":
        moves = [
            ProductMove.model_validate({"filename": product.filename, "new_status": status})
            for product in client.dataproducts(taskID=task_id)
        ]
        client.move_products(task_id, moves, owner=owner)
        return f"{task_id}: {count_of(len(moves), 'data product')} {status}"
    raise BadRequest(f"--resource: {resource!r} is neither observations nor dataproducts")


def _delete_taskid(client: Client, options: Options) -> str:
    task_id = _task_id(options)
    _nothing_more(options)
    client.delete_observation(client.observation(task_id).id)
    return f"{task_id} deleted"


def _add_dataproduct(client: Client, options: Options) -> str:
    product = NewDataProduct.model_validate({"taskID": _task_id(options), **options})
    client.create_dataproducts([product])
    return f"{product.taskID} {product.filename}"


_TASK = "--taskid=190405034, or --search_key=taskid:190405034"
#: The options of each operation, for the help.
_OPTIONS = {
    "specification": f"{_listed(NewObservation, 'options')}; --data_dir=/directory on the data host of the mode; "
    "an option of another name is stored in the field options",
    "change_status": f"{_TASK}; --status; --resource=observations (the default) or dataproducts; "
    "[--owner]: the owner that has the lease on the observation, required for data products",
    "delete_taskid": _TASK,
    "add_dataproduct": f"{_TASK}; {_listed(NewDataProduct, 'taskID')}",
}
OPERATIONS: dict[str, Callable[[Client, Options], str]] = {
    "specification": _specification,
    "change_status": _change_status,
    "delete_taskid": _delete_taskid,
    "add_dataproduct": _add_dataproduct,
}


def _task_id(options: Options) -> str:
    key = str(options.pop("search_key", ""))
    kind, colon, value = key.partition(":")
    if key:
        if kind.lower() != "taskid" or not colon or not value:
            raise BadRequest(f"--search_key: {key!r} is not of the form taskid:190405034")
        return value
    return _needed(options, "taskid")


def _needed(options: Options, name: str) -> str:
    value = options.pop(name, None)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"--{name}=... is required")
    return value


def _nothing_more(options: Options) -> None:
    if options:
        raise BadRequest(f"--{next(iter(options))} is not an option of this operation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--help" in arguments or "-h" in arguments:
        print(_help())
        return 0

    def work() -> None:
        options = read_options(arguments)
        operation = OPERATIONS.get(str(options.pop("operation", "")))
        if operation is None:
            raise BadRequest(f"--operation must be one of {', '.join(OPERATIONS)}. See `atdb_service --help`")
        with find_host(str(options.pop("atdb_host", "")) or None).client() as client:
            say(operation(client, options))

    return run("atdb_service", work)
