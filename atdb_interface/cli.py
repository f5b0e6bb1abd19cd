"""The command `atdb`: look at observations, and move them.

Exit status: 0 when done, 2 when something cannot be read or is refused, 1 when ATDB cannot be reached.
"""

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path

from atdb_interface.client import Client
from atdb_interface.command import run
from atdb_interface.config import find_host
from atdb_interface.errors import BadRequest
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status
from atdb_interface.models import Observation
from atdb_interface.schedule import read_schedule


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atdb", description="Look at observations, and move them.")
    parser.add_argument("--host", help="a preset of the configuration, or an address")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="list observations, newest first")
    listing.add_argument("--status", help="only these, with commas between")
    listing.add_argument(
        "filters", nargs="*", metavar="FIELD__LOOKUP=VALUE", help="such as starttime__gte=2019-04-08"
    )
    listing.set_defaults(run=_list)
    show = commands.add_parser("show", help="show all of an observation")
    show.add_argument("taskID")
    show.set_defaults(run=_show)
    history = commands.add_parser("history", help="show what happened to an observation, when, by whom and why")
    history.add_argument("taskID")
    history.set_defaults(run=_history)
    move = commands.add_parser("move", help="move an observation to another status")
    move.add_argument("taskID")
    move.add_argument("status", choices=[str(status) for status in Status], metavar="STATUS")
    move.add_argument("--reason", default="", help="kept in its history")
    move.set_defaults(run=_move)
    submit = commands.add_parser("submit", help="submit a schedule; nothing of it where a line cannot be read")
    submit.add_argument("schedule", type=Path)
    submit.set_defaults(run=_submit)
    return parser


def _list(client: Client, arguments: argparse.Namespace) -> None:
    filters = {"ordering": "-starttime"}
    for term in arguments.filters:
        name, equals, value = term.partition("=")
        if not equals:
            raise BadRequest(f"{term!r} is not FIELD=VALUE")
        filters[name] = value
    if arguments.status:
        filters["my_status__in"] = arguments.status
    for observation in client.observations(**filters):
        print(_line(observation))


def _line(observation: Observation) -> str:
    return (
        f"{observation.taskID}  {write_time(observation.starttime)}  {observation.my_status:<20}"
        f"{observation.observing_mode:<20}{observation.name}"
    )


def _show(client: Client, arguments: argparse.Namespace) -> None:
    observation = client.observation(arguments.taskID)
    for name, value in observation.model_dump(mode="json").items():
        if name not in ("status_history", "generated_dataproducts") and value is not None:
            print(f"{name:<20}{value}")
    for product in client.dataproducts(taskID=arguments.taskID):
        print(f"{product.filename:<28}{product.my_status:<14}{product.size or 0:>16,} {product.checksum or ''}")


def _history(client: Client, arguments: argparse.Namespace) -> None:
    for step in client.observation(arguments.taskID).status_history:
        when, who = write_time(step.timestamp), f"{step.actor} {step.owner or ''}".strip()
        print(f"{when}  {step.name:<22}{who}  {step.reason}".rstrip())


def _move(client: Client, arguments: argparse.Namespace) -> None:
    client.move(arguments.taskID, Status(arguments.status), reason=arguments.reason)
    print(f"{arguments.taskID} {arguments.status}")


def _submit(client: Client, arguments: argparse.Namespace) -> None:
    for new in read_schedule(arguments.schedule):
        print(_line(client.create_observation(new)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `atdb list | head` ends as other commands do
    chosen = _parser().parse_args(arguments)

    def work() -> None:
        with find_host(chosen.host).client() as client:
            chosen.run(client, chosen)

    return run("atdb", work)
