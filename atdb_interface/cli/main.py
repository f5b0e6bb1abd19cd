"""The command `atdb`: look at observations, act on them, and govern the stages.

What else is installed adds commands by the entry points `atdb.commands`: each is a function that takes the
arguments after the command's name, and returns the exit status.

Exit status: 0 when done, 2 when something cannot be read or is refused, 1 when ATDB cannot be reached.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from atdb_interface.actions import ACTIONS
from atdb_interface.cli import change, night_report, show
from atdb_interface.cli.run import run
from atdb_interface.client import Client
from atdb_interface.client.presets import find_host
from atdb_interface.lifecycle import STAGES, Status

_FILTERS: dict[str, Any] = {"nargs": "*", "metavar": "FIELD__LOOKUP=VALUE"}
_STAGES = [stage.actor for stage in STAGES]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atdb", description="Look at observations, and act on them.")
    parser.add_argument("--host", help="a preset of the configuration, or an address")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, work: Callable[[Client, argparse.Namespace], None], about: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=work)
        return made

    listing = command("list", show.observations, "list observations, newest first")
    listing.add_argument("--status", help="only these, with commas between")
    listing.add_argument("filters", **_FILTERS, help="such as starttime__gte=2019-04-08 or overdue=true")
    command("show", show.observation, "show all of an observation").add_argument("taskID")
    history = command("history", show.history, "show what happened to an observation, when, by whom and why")
    history.add_argument("taskID")
    history.add_argument("--products", action="store_true", help="and to its data products")
    command("why", show.why, "say why an observation is not moving").add_argument("taskID")
    command("stages", show.stages, "list the stages: what waits, and what is paused")
    events = command("events", show.events, "list what operators should know of")
    events.add_argument("filters", **_FILTERS, help="such as kind=overdue or timestamp__gte=2019-04-08")
    report = command("report", night_report.show, "show the report of a night")
    report.add_argument("night", nargs="?", help="the day on which it begins, such as 2019-04-05; else the newest")
    command("receipts", show.receipts, "list what was removed of an observation").add_argument("taskID")

    move = command("move", change.move, "move an observation to another status")
    move.add_argument("taskID")
    move.add_argument("status", choices=[str(status) for status in Status], metavar="STATUS")
    _take_reason(move)
    for action, row in ACTIONS.items():
        action_parser = command(action, change.act, row.does)
        action_parser.add_argument("taskIDs", nargs="+", metavar="taskID")
        _take_reason(action_parser)
    priority = command("priority", change.prioritise, "change which observations go first")
    priority.add_argument("priority", type=int, help="from -1000 to 1000; the highest goes first")
    priority.add_argument("taskIDs", nargs="+", metavar="taskID")
    _take_reason(priority)
    stage = command("stage", change.govern, "pause a stage, let it go on, or change its limits")
    stage.add_argument("stage", choices=[str(stage) for stage in _STAGES], metavar="STAGE")
    pause = stage.add_mutually_exclusive_group()
    pause.add_argument("--pause", dest="paused", action="store_true", default=None, help="begin nothing new")
    pause.add_argument("--go-on", dest="paused", action="store_false", default=None)
    stage.add_argument("--slots", type=int, help="so many observations at once; 0 for no limit")
    stage.add_argument("--rest", type=int, metavar="SECONDS", help="how long an observation rests before it")
    _take_reason(stage)
    submit = command("submit", change.submit, "submit a schedule; nothing of it where a line cannot be read")
    submit.add_argument("schedule", type=Path)
    for name in _further():
        commands.add_parser(name, help=f"see `atdb {name} --help`", add_help=False).set_defaults(run=None)
    return parser


def _further() -> dict[str, EntryPoint]:
    """Return the commands that other packages of this installation add, by their names."""
    return {each.name: each for each in entry_points(group="atdb.commands")}


def _take_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="kept in the history")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and (further := _further().get(given[0])):
        return int(further.load()(given[1:]))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `atdb list | head` ends as other commands do
    parser = _parser()
    chosen = parser.parse_args(given)
    if chosen.run is None:
        parser.error(f"{chosen.command} has options of its own only: run `atdb {chosen.command} --help`")

    def work() -> None:
        with find_host(chosen.host).client() as client:
            chosen.run(client, chosen)

    return run("atdb", work)
