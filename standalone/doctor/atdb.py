"""ATDB: its API, the schema of its database, the account of tasks, the stages, deletion and the listener."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Forbidden, Unauthorized
from atdb_interface.fields import write_time
from atdb_interface.health import SchemaState
from atdb_interface.roles import Capability, Role
from atdb_interface.times import GONE_AFTER
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.triggers.listen import LISTENER
from standalone.doctor.findings import Finding, failed, warning, well
from standalone.doctor.location import Location
from standalone.doctor.reasons import short

SUBJECT = "ATDB"
#: The roles that allow what tasks need.
_ROLES = [role for role in Role if role.may(Capability.WORK)]


def check(place: Location) -> Iterator[Finding]:
    """Query ATDB as tasks do. A check that depends on a failed one is left out."""
    with AtdbHook().client(patience=0) as client:
        try:
            health = client.health()
        except AtdbError as error:
            yield failed(
                SUBJECT,
                f"a request to it failed: {short(error)}",
                f"{place.look_at('api')}. If only its database failed, the line `database` shows it.",
            )
            return
        yield _of_version(place, health.version)
        yield _of_schema(place, health.database_schema)
        try:
            me = client.me()
        except (Unauthorized, Forbidden) as error:
            yield failed(
                "account of tasks",
                f"ATDB refuses it: {error}",
                f"Run {place.prepare('atdb')}: this sets the password to that in {place.settings.credentials}.",
            )
            return
        if me.role in _ROLES:
            yield well("account of tasks", f"{me.account} is accepted, role {me.role}")
        else:
            advice = (
                f"Ask an ATDB admin to run `flask --app atdb_api account set {me.account} --role {Role.PIPELINE}`."
            )
            seen = f"{me.account} has the role {me.role}; tasks need {Role.PIPELINE}"
            yield failed("account of tasks", seen, advice)
        yield from _of_stages(client)
        yield _of_deletion(client)
        yield _of_listener(place, client)


def _of_version(place: Location, answered: str) -> Finding:
    if answered == version("atdb"):
        return well(SUBJECT, f"version {answered} responds, and so does its database")
    seen = f"version {answered} responds; tasks here have version {version('atdb')}"
    return warning(SUBJECT, seen, f"Complete the upgrade: start all services in one version with {place.start()}.")


def _of_schema(place: Location, state: SchemaState) -> Finding:
    match state:
        case SchemaState.CURRENT:
            return well("migrations", "the schema of ATDB's database is that of the running version")
        case SchemaState.BEHIND:
            return failed(
                "migrations",
                "the schema of ATDB's database is older than the running ATDB",
                f"Run {place.prepare('atdb')}. If that fails, its output shows which migration failed, and why.",
            )
        case SchemaState.UNKNOWN:
            return failed(
                "migrations",
                "the schema of ATDB's database is newer than the running ATDB",
                "Start the newer version again, or restore the backup that was made before the upgrade.",
            )


def _of_stages(client: Client) -> Iterator[Finding]:
    paused = [stage for stage in client.stages() if stage.paused]
    for stage in paused:
        since = f" since {write_time(stage.paused_at)}" if stage.paused_at else ""
        why = f": {stage.pause_reason}" if stage.pause_reason else ""
        yield warning(
            "stages",
            f"{stage.stage} has been paused in ATDB by {stage.paused_by}{since}{why}; {stage.waiting} are waiting",
            f"Ask {stage.paused_by}. To resume it, run `atdb stage {stage.stage} --resume`.",
        )
    if not paused:
        yield well("stages", "none is paused in ATDB")


def _of_deletion(client: Client) -> Finding:
    now = client.deletion()
    if now.allowed or now.stopped_at is None:
        return well("deletion", "it is on: remove deletes what the archive holds")
    return warning(
        "deletion",
        f"it has been switched off by {now.stopped_by} since {write_time(now.stopped_at)}: {now.reason}",
        f"Ask {now.stopped_by}. To switch it on, run `atdb deletion on`.",
    )


def _of_listener(place: Location, client: Client) -> Finding:
    advice = (
        f"{place.look_at('triggerer')}. In Airflow, check that the DAG listen is not paused and has a running run."
    )
    service = next((each for each in client.services() if each.name == LISTENER), None)
    if service is None:
        return failed("listen", "it has never sent a heartbeat, so no work begins", advice)
    since = write_time(service.last_seen)
    if datetime.now(UTC) - service.last_seen > GONE_AFTER:
        return failed("listen", f"it has sent no heartbeat since {since}, so no work begins", advice)
    if service.troubles:
        reasons = "; ".join(f"{status}: {trouble.reason}" for status, trouble in sorted(service.troubles.items()))
        return failed("listen", f"it cannot create runs for each status: {reasons}", advice)
    return well("listen", f"it sent its last heartbeat at {since}")
