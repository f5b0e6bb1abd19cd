"""What the command `atdb` does: move observations, act on many of them, and govern the stages."""

from argparse import Namespace
from collections.abc import Callable

from atdb_interface.actions import Action
from atdb_interface.cli.schedule import read_schedule
from atdb_interface.cli.show import line
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, BadRequest, Unavailable
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation


def move(client: Client, arguments: Namespace) -> None:
    """Move an observation to another status."""
    client.move(arguments.taskID, Status(arguments.status), reason=arguments.reason)
    print(f"{arguments.taskID} {arguments.status}")


def act(client: Client, arguments: Namespace) -> None:
    """Do an action on each observation."""
    action = Action(arguments.command)
    _each(arguments.taskIDs, lambda task_id: client.act(task_id, action, reason=arguments.reason))


def prioritise(client: Client, arguments: Namespace) -> None:
    """Give each observation another priority."""

    def change(task_id: str) -> Observation:
        observation = client.observation(task_id)
        return client.change_observation(observation.id, priority=arguments.priority, reason=arguments.reason)

    _each(arguments.taskIDs, change)


def govern(client: Client, arguments: Namespace) -> None:
    """Pause a stage, let it go on, or change its limits."""
    limits = {"paused": arguments.paused, "slots": arguments.slots, "delay_seconds": arguments.rest}
    fields = {name: value for name, value in limits.items() if value is not None}
    if fields.get("slots") == 0:
        fields["slots"] = None
    if not fields:
        raise BadRequest("give --pause, --go-on, --slots or --rest")
    stage = client.change_stage(arguments.stage, **fields, reason=arguments.reason)
    print(
        f"{stage.stage}: {'paused' if stage.paused else 'goes on'}, slots {stage.slots or 'without limit'}, "
        f"rest {stage.delay_seconds} s"
    )


def submit(client: Client, arguments: Namespace) -> None:
    """Submit a schedule; nothing of it where a line cannot be read."""
    for new in read_schedule(arguments.schedule):
        print(line(client.create_observation(new)))


def _each(task_ids: list[str], change: Callable[[str], Observation]) -> None:
    """Change each; what is refused does not stop the others, and is told at the end."""
    refusals = []
    for task_id in task_ids:
        try:
            print(line(change(task_id)))
        except Unavailable:
            raise
        except AtdbError as refusal:
            refusals.append(str(refusal))
    if refusals:
        raise BadRequest("; ".join(refusals))
