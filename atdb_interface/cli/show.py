"""The commands of `atdb` that show something: observations, histories, reasons, stages, events and receipts."""

from argparse import Namespace
from collections.abc import Mapping

from atdb_interface import query_lists
from atdb_interface.cli.run import say
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest
from atdb_interface.fields import write_time
from atdb_interface.observations import Observation
from atdb_interface.reasons import without_code


def observations(client: Client, arguments: Namespace) -> None:
    """List observations, newest first."""
    filters = {"ordering": "-starttime", **_read(arguments.filters)}
    if arguments.status:
        filters["my_status__in"] = arguments.status
    for observation in client.observations(**filters):
        say(line(observation))


def line(observation: Observation) -> str:
    """Format an observation as one line."""
    return (
        f"{observation.taskID}  {write_time(observation.starttime)}  {observation.my_status:<20}"
        f"{observation.observing_mode:<20}{observation.name}"
    )


def observation(client: Client, arguments: Namespace) -> None:
    """Show all fields of an observation, and its data products."""
    shown = client.observation(arguments.taskID)
    for name, value in shown.model_dump(mode="json").items():
        if name not in ("status_history", "generated_dataproducts") and value is not None:
            say(f"{name:<20}{value}")
    for product in client.dataproducts(taskID=arguments.taskID):
        say(f"{product.filename:<28}{product.my_status:<14}{product.size or 0:>16,} {product.checksum or ''}")


def history(client: Client, arguments: Namespace) -> None:
    """Show the status changes of an observation, and with --products those of its data products."""
    steps = client.observation(arguments.taskID).status_history
    if arguments.products:
        of_products = client.history(taskID=arguments.taskID, dataproduct__isnull="false")
        steps = sorted([*steps, *of_products], key=lambda step: (step.timestamp, step.id))
    for step in steps:
        when, who = write_time(step.timestamp), f"{step.actor} {step.owner or ''}".strip()
        what = f"{step.dataproduct} {step.name}" if step.dataproduct else step.name
        say(f"{when}  {what:<20}  {who}  {without_code(step.reason)}".rstrip())


def why(client: Client, arguments: Namespace) -> None:
    """Explain why the status of an observation does not change."""
    answer = client.why(arguments.taskID)
    say(f"{answer.taskID} {answer.my_status}: {answer.why}")


def stages(client: Client, _: Namespace) -> None:
    """List the stages."""
    say("stage     waiting  claimed  working   slots delay s")
    for stage in client.stages():
        paused = ""
        if stage.paused_at:
            paused = f"  paused by {stage.paused_by} since {write_time(stage.paused_at)}: {stage.pause_reason}"
        say(
            f"{stage.stage:<10}{stage.waiting:>7}{stage.claimed:>9}{stage.working:>9}{stage.slots or '-':>8}"
            f"{stage.delay_seconds:>8}{paused}"
        )


def events(client: Client, arguments: Namespace) -> None:
    """List the events for operators, newest last."""
    for event in client.events(**_read(arguments.filters)):
        what = " ".join(filter(None, [event.taskID, event.dataproduct]))
        say(f"{write_time(event.timestamp)}  {event.kind:<14}{what}  {event.detail}")


def receipts(client: Client, arguments: Namespace) -> None:
    """List the removed data products of an observation."""
    for receipt in client.receipts(taskID=arguments.taskID):
        say(
            f"{write_time(receipt.timestamp)}  {receipt.dataproduct:<28}{receipt.size or 0:>16,}  "
            f"{receipt.checksum}  {receipt.archive_copy}  {receipt.actor} {receipt.owner or ''}  "
            f"{receipt.reason}".rstrip()
        )


def _read(terms: list[str]) -> Mapping[str, str]:
    pairs = []
    for term in terms:
        name, equals, value = term.partition("=")
        if not equals:
            raise BadRequest(f"{term!r} is not of the form FIELD=VALUE")
        pairs.append((name, value))
    try:
        return query_lists.by_name(pairs)
    except ValueError as error:
        raise BadRequest(str(error)) from None
