"""`python -m standalone up | down | status | demo | rehearsal`: run all of ATDB on this machine."""

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
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m standalone", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start all services, and run until Ctrl-C").set_defaults(run=up)
    commands.add_parser("down", help="stop all services").set_defaults(run=down)
    commands.add_parser("status", help="report which services are running and healthy").set_defaults(run=status)
    shown = commands.add_parser("demo", help="replay a schedule from specification to removal, then exit")
    shown.add_argument("schedule", nargs="?", type=Path, help="a schedule.sh (default: the example)")
    shown.add_argument("--speedup", type=float, help="how many times faster than real time (default: takes 60 s)")
    rehearsed = commands.add_parser("rehearsal", help="inject faults into a separate stack, and check the result")
    rehearsed.add_argument("schedule", nargs="?", type=Path, help="a schedule.sh (default: a generated one)")
    rehearsed.add_argument("--observations", type=int, default=100, help="number to generate (default: 100)")
    rehearsed.add_argument("--seed", type=int, help="the seed of the rehearsal to repeat")
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
    """Start the stack and stay in the foreground; Ctrl-C or SIGTERM stops all services."""
    _end_in_order()
    stack = Stack(settings, say=lambda line: print(line, flush=True))
    try:
        print(f"Starting ATDB. State and logs are in {settings.state}", flush=True)
        stack.start()
        print(_welcome(settings), flush=True)
        stack.wait()
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        stack.stop()
    print("Stopped.", flush=True)
    return 0


def down(settings: Settings) -> int:
    """Stop the stack, also if another user or program started it."""
    print("Stopped." if Stack(settings).stop() else "The stack was not running.")
    return 0


def status(settings: Settings) -> int:
    """Print which services are running; the exit status is 0 if all are running and healthy."""
    running = processes.running_names(settings)
    wanted = [processes.SUPERVISOR, *programs.names()]
    for name in wanted:
        print(f"{name:<20}{'is running' if name in running else 'is not running'}")
    problems = health.problems(settings) if running else []
    for problem in problems:
        print(f"{problem.process}: {problem.reason}")
    well = running.issuperset(wanted) and not problems
    if well:
        print("All services are running and healthy.")
    elif running:
        print("Some services are not running or not healthy. For advice, run: make doctor")
    else:
        print("The stack is not running. To start it, run: make up")
    return 0 if well else 1


def demo(settings: Settings, schedule: Path | None, speedup: float | None) -> int:
    """Replay a schedule on the stack; if the stack is not running, it is started for the demo."""
    from standalone import demo as replayed  # noqa: PLC0415 - `down` must work even if ATDB's client is broken

    _end_in_order()
    try:
        return replayed.run(settings, schedule or replayed.EXAMPLE, speedup)
    except KeyboardInterrupt:
        return 130


def rehearsal(observations: int, seed: int | None, schedule: Path | None) -> int:
    """Run a rehearsal: inject all faults into a stack of its own."""
    from standalone.rehearsal import run  # noqa: PLC0415 - `down` must work even if ATDB's client is broken

    _end_in_order()
    try:
        return run.rehearse(observations, seed, schedule)
    except KeyboardInterrupt:
        return 130


def _welcome(settings: Settings) -> str:
    return (
        "\n"
        f"  ATDB      {settings.atdb_url}/        user operator\n"
        f"  REST API  {settings.atdb_url}/atdb/\n"
        f"  Airflow   {settings.airflow_url}/       user admin\n"
        f"  Passwords {settings.credentials}\n"
        "\n"
        "  Ctrl-C stops all services."
    )


def _end_in_order() -> None:
    """Handle the signals that end this program, so that it stops the stack first."""
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup has it ignored
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, once: a second Ctrl-C would leave processes behind."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
