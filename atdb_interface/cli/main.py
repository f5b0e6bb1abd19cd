"""The command `atdb`: show observations, act on them, and control the stages.

Other installed packages add commands by entry points in the group `atdb.commands`. Each is a function that takes
the arguments after the command's name and returns the exit status.

Exit status: 0 for success, 2 if an option cannot be read or ATDB refuses the request, 1 if ATDB cannot be reached.
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
#: What the help says of commands that other packages add.
_ABOUT = {"doctor": "check a deployment and report what to do"}
#: Adds a command with its name, its work and what it does.
_Command = Callable[[str, Callable[[Client, argparse.Namespace], None], str], argparse.ArgumentParser]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="atdb", description="Show observations, act on them, and control the stages."
    )
    parser.add_argument("--host", help="the name of a preset in the configuration, or a URL")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, work: Callable[[Client, argparse.Namespace], None], about: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=work)
        return made

    _add_shows(command)
    _add_changes(command)
    _add_stage(command)
    for name in _further():
        commands.add_parser(name, help=_ABOUT.get(name, f"see `atdb {name} --help`"), add_help=False).set_defaults(
            run=None
        )
    return parser


def _add_shows(command: _Command) -> None:
    listing = command("list", show.observations, "list observations, newest first")
    listing.add_argument("--status", help="only observations with these statuses, separated by commas")
    listing.add_argument("filters", **_FILTERS, help="such as starttime__gte=2019-04-08 or overdue=true")
    _take_observation(command("show", show.observation, "show all fields and the data products of an observation"))
    history = command(
        "history", show.history, "show the status changes of an observation, with actors and reasons"
    )
    _take_observation(history)
    history.add_argument("--products", action="store_true", help="include the status changes of its data products")
    _take_observation(command("why", show.why, "explain why the status of an observation does not change"))
    command("stages", show.stages, "list the stages with their settings and numbers of observations")
    events = command("events", show.events, "list the events for operators, newest last")
    events.add_argument("filters", **_FILTERS, help="such as kind=overdue or timestamp__gte=2019-04-08")
    report = command("report", night_report.show, "show the report of a night")
    report.add_argument(
        "night", nargs="?", help="the day on which it begins, such as 2019-04-05; default: the newest"
    )
    _take_observation(command("receipts", show.receipts, "list the removed data products of an observation"))


def _add_changes(command: _Command) -> None:
    move = command("move", change.move, "move an observation to another status")
    _take_observation(move)
    statuses = [str(status) for status in Status]
    move.add_argument("status", choices=statuses, metavar="STATUS", help=f"one of {', '.join(statuses)}")
    _take_reason(move)
    for action, row in ACTIONS.items():
        action_parser = command(str(action), change.act, row.does)
        _take_observations(action_parser)
        _take_reason(action_parser)
    priority = command("priority", change.prioritise, "change the priority of observations")
    priority.add_argument("priority", type=int, help="from -1000 to 1000; a higher priority is claimed first")
    _take_observations(priority)
    _take_reason(priority, kept="the changes")
    deletion = command(
        "deletion", change.switch, "show whether data may be deleted from the data hosts, or change it"
    )
    deletion.add_argument("switch", nargs="?", choices=["off", "on"], help="switch all deletion off, or on again")
    _take_reason(deletion, kept="the changes; required to switch deletion off")
    submit = command("submit", change.submit, "submit a schedule; if a line cannot be read, nothing is submitted")
    submit.add_argument("schedule", type=Path, help="the file of the schedule")


def _add_stage(command: _Command) -> None:
    stage = command("stage", change.govern, "pause or resume a stage, or change its limits")
    stages = [str(stage) for stage in _STAGES]
    stage.add_argument("stage", choices=stages, metavar="STAGE", help=f"one of {', '.join(stages)}")
    pause = stage.add_mutually_exclusive_group()
    pause.add_argument("--pause", dest="paused", action="store_true", default=None, help="begin no new work")
    pause.add_argument("--resume", dest="paused", action="store_false", default=None, help="begin new work again")
    stage.add_argument("--slots", type=int, help="the maximum number of observations at a time; 0 for no limit")
    stage.add_argument(
        "--delay", type=int, metavar="SECONDS", help="how long an observation waits before this stage"
    )
    # The old names of --resume and --delay stay, but the help does not show them.
    pause.add_argument("--go-on", dest="paused", action="store_false", default=None, help=argparse.SUPPRESS)
    stage.add_argument("--rest", dest="delay", type=int, default=None, help=argparse.SUPPRESS)
    _take_reason(stage, kept="the changes")


def _further() -> dict[str, EntryPoint]:
    """Return the commands that other installed packages add, by their names."""
    return {each.name: each for each in entry_points(group="atdb.commands")}


def _take_observation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("taskID", help="the taskID of the observation, such as 190405034")


def _take_observations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("taskIDs", nargs="+", metavar="taskID", help="the taskIDs of the observations")


def _take_reason(parser: argparse.ArgumentParser, *, kept: str = "the history") -> None:
    parser.add_argument("--reason", default="", help=f"the reason, which is recorded in {kept}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and (further := _further().get(given[0])):
        return int(further.load()(given[1:]))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `atdb list | head` ends as other commands do
    parser = _parser()
    chosen = parser.parse_args(given)
    if chosen.run is None:
        parser.error(
            f"{chosen.command} must be the first argument; see `atdb {chosen.command} --help` for its options"
        )

    def work() -> None:
        with find_host(chosen.host).client() as client:
            chosen.run(client, chosen)

    return run("atdb", work)
