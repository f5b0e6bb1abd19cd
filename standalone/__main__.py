"""`python -m standalone up | down | status | demo | rehearsal`: everything of ATDB on this machine."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from standalone.credentials import CredentialsError
from standalone.settings import Settings, SettingsError
from standalone.stack import health, processes, programs
from standalone.stack.stack import Stack, StackError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run one command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m standalone", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything, and stay until Ctrl-C").set_defaults(run=up)
    commands.add_parser("down", help="stop everything").set_defaults(run=down)
    commands.add_parser("status", help="tell what runs and whether it is well").set_defaults(run=status)
    shown = commands.add_parser("demo", help="replay a schedule from specification to removal, and end")
    shown.add_argument("schedule", nargs="?", type=Path, help="a schedule.sh (default: an example)")
    shown.add_argument("--speedup", type=float, help="how many times as fast as the sky (default: by its length)")
    rehearsed = commands.add_parser("rehearsal", help="run a stack of its own under faults, and judge the end")
    rehearsed.add_argument("schedule", nargs="?", type=Path, help="a schedule.sh to replay (default: a made one)")
    rehearsed.add_argument("--observations", type=int, default=100, help="how many, without a schedule")
    rehearsed.add_argument("--seed", type=int, help="that of a former rehearsal, to have it again")
    chosen = parser.parse_args()
    try:
        settings = Settings.from_environment()
        if chosen.command == "demo":
            return demo(settings, chosen.schedule, chosen.speedup)
        if chosen.command == "rehearsal":
            return rehearsal(chosen.observations, chosen.seed, chosen.schedule)
        return int(chosen.run(settings))
    except (SettingsError, CredentialsError, StackError) as error:
        print(error, file=sys.stderr)
        return 1


def up(settings: Settings) -> int:
    """Start the stack and stay in the foreground; Ctrl-C or SIGTERM ends everything."""
    _end_in_order()
    stack = Stack(settings, say=lambda line: print(line, flush=True))
    try:
        print(f"Starting; state and logs are in {settings.state}", flush=True)
        stack.start()
        print(_welcome(settings), flush=True)
        stack.wait()
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        stack.stop()
    print("Stopped.", flush=True)
    return 0


def down(settings: Settings) -> int:
    """Stop the stack, whoever started it."""
    print("Stopped." if Stack(settings).stop() else "Nothing of the stack was running.")
    return 0


def status(settings: Settings) -> int:
    """Print what runs; the exit code is 0 where all is well."""
    running = processes.running_names(settings)
    wanted = [processes.SUPERVISOR, *programs.names()]
    for name in wanted:
        print(f"{name:<20}{'runs' if name in running else 'does not run'}")
    problems = health.problems(settings) if running else []
    for problem in problems:
        print(f"{problem.process}: {problem.reason}")
    well = running.issuperset(wanted) and not problems
    print("All is well." if well else "The stack does not run." if not running else "Not all is well.")
    return 0 if well else 1


def demo(settings: Settings, schedule: Path | None, speedup: float | None) -> int:
    """Show the main job on a stack that is started for it, where none runs."""
    from standalone import demo as replayed  # noqa: PLC0415 - `down` works whatever state ATDB's client is in

    _end_in_order()
    try:
        return replayed.run(settings, schedule or replayed.EXAMPLE, speedup)
    except KeyboardInterrupt:
        return 130


def rehearsal(observations: int, seed: int | None, schedule: Path | None) -> int:
    """Play everything that can go wrong on a stack of its own."""
    from standalone.rehearsal import run  # noqa: PLC0415 - `down` works whatever state ATDB's client is in

    _end_in_order()
    try:
        return run.rehearse(observations, seed, schedule)
    except KeyboardInterrupt:
        return 130


def _welcome(settings: Settings) -> str:
    return (
        "\n"
        f"  ATDB      {settings.atdb_url}/atdb/  user operator\n"
        f"  Airflow   {settings.airflow_url}/       user admin\n"
        f"  Passwords {settings.credentials}\n"
        "\n"
        "  Ctrl-C ends everything."
    )


def _end_in_order() -> None:
    """Let whatever asks this program to end stop the stack first."""
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means to stay
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Ask for the end, once: an impatient second Ctrl-C would leave processes behind."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
