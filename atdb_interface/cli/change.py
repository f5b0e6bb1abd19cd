"""The commands of `atdb` that change something: observations, settings of stages, and the deletion switch."""

from argparse import Namespace
from collections.abc import Callable

from atdb_interface.actions import Action
from atdb_interface.cli.run import say
from atdb_interface.cli.schedule import read_schedule
from atdb_interface.cli.show import line
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, BadRequest, Unavailable
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation


def move(client: Client, arguments: Namespace) -> None:
    """Move an observation to another status."""
    client.move(arguments.taskID, Status(arguments.status), reason=arguments.reason)
    say(f"{arguments.taskID} {arguments.status}")


def act(client: Client, arguments: Namespace) -> None:
    """Take an action on each observation."""
    action = Action(arguments.command)
    _each(arguments.taskIDs, lambda task_id: client.act(task_id, action, reason=arguments.reason))


def prioritise(client: Client, arguments: Namespace) -> None:
    """Change the priority of each observation."""

    def change(task_id: str) -> Observation:
        observation = client.observation(task_id)
        return client.change_observation(observation.id, priority=arguments.priority, reason=arguments.reason)

    _each(arguments.taskIDs, change)


def govern(client: Client, arguments: Namespace) -> None:
    """Pause or resume a stage, or change its limits."""
    limits = {"paused": arguments.paused, "slots": arguments.slots, "delay_seconds": arguments.delay}
    fields = {name: value for name, value in limits.items() if value is not None}
    if fields.get("slots") == 0:
        fields["slots"] = None
    if not fields:
        raise BadRequest("give --pause, --resume, --slots or --delay")
    stage = client.change_stage(arguments.stage, **fields, reason=arguments.reason)
    say(
        f"{stage.stage}: {'paused' if stage.paused else 'not paused'}, slots {stage.slots or 'unlimited'}, "
        f"delay {stage.delay_seconds} s"
    )


def switch(client: Client, arguments: Namespace) -> None:
    """Switch all deletion off or on, if the command has one of these words; then show the state."""
    if arguments.switch is None:
        now = client.deletion()
    else:
        now = client.change_deletion(allowed=arguments.switch == "on", reason=arguments.reason)
    by = f", by {now.stopped_by} since {write_time(now.stopped_at)}: {now.reason}" if now.stopped_at else ""
    say(f"deletion: {'on' if now.allowed else 'off'}{by}")


def submit(client: Client, arguments: Namespace) -> None:
    """Submit a schedule. If a line cannot be read, nothing is submitted; a refusal ends the command."""
    schedule = read_schedule(arguments.schedule)
    for done, new in enumerate(schedule):
        try:
            say(line(client.create_observation(new)))
        except Unavailable:
            raise
        except AtdbError as refusal:
            first = f"{new.observing_mode} {new.field_name} at {write_time(new.starttime)}"
            raise BadRequest(
                f"{refusal} {done} of {len(schedule)} observations were submitted. "
                f"Not submitted: {first}, and all after it."
            ) from refusal


def _each(task_ids: list[str], change: Callable[[str], Observation]) -> None:
    """Change each observation. A refusal does not stop the others; all refusals are reported at the end."""
    refusals = []
    for task_id in task_ids:
        try:
            say(line(change(task_id)))
        except Unavailable:
            raise
        except AtdbError as refusal:
            refusals.append(str(refusal))
    if refusals:
        raise BadRequest("; ".join(refusal.removesuffix(".") for refusal in refusals) + ".")
