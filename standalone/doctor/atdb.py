"""ATDB: its API, the schema of its database, the accounts of tasks, the stages, deletion and the listener."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Forbidden, Unauthorized
from atdb_interface.fields import write_time
from atdb_interface.health import SchemaState
from atdb_interface.lifecycle import Status
from atdb_interface.roles import Capability, Role
from atdb_interface.services import Service
from atdb_interface.sessions import Me
from atdb_interface.times import GONE_AFTER
from atdb_plugins.dispatch import reason_of_pause
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.stage_dags import DAG_OF, LISTEN_DAG
from atdb_plugins.triggers.listen import LISTENER
from operators.operate import CONNECTION
from standalone.doctor.location import Location
from standalone.doctor.reasons import short
from standalone.doctor.results import CheckResult, failed, warning, well

SUBJECT = "ATDB"
#: The variable with which Airflow names the DAG of a task, and the DAG that has an account of its own.
_DAG_VARIABLE, _OPERATE = "AIRFLOW_CTX_DAG_ID", "operate"


def check(place: Location) -> Iterator[CheckResult]:
    """Query ATDB as tasks do. A check that depends on a failed one is left out."""
    with AtdbHook().client(patience=0) as client:
        try:
            health = client.health()
        except AtdbError as error:
            yield failed(
                SUBJECT,
                f"a request to it failed: {short(error)}",
                f"{place.look_at('api')}. If the line `database` has failed too, repair the database first.",
            )
            return
        yield _of_version(place, health.version)
        yield _of_schema(place, health.database_schema)
        try:
            me = client.me()
        except (Unauthorized, Forbidden) as error:
            yield _refused(place, "account of tasks", error)
            return
        yield _of_role(place, "account of tasks", me, Capability.WORK, Role.PIPELINE)
        yield _of_operate(place)
        yield from _of_stages(place, client)
        yield _of_deletion(place, client)
        yield _of_listener(place, client)


def _refused(place: Location, subject: str, error: AtdbError) -> CheckResult:
    return failed(
        subject,
        f"ATDB refuses it: {error}",
        f"Run {place.prepare('atdb')}: this sets the password to that in {place.settings.credentials}.",
    )


def _of_role(place: Location, subject: str, me: Me, needs: Capability, role: Role) -> CheckResult:
    if me.role in [each for each in Role if each.may(needs)]:
        return well(subject, f"{me.account} is accepted, role {me.role}")
    advice = f"Run {place.administer(f'account set {me.account} --role {role}')}."
    return failed(subject, f"{me.account} has the role {me.role}; the role {role} is required", advice)


def _of_operate(place: Location) -> CheckResult:
    """Log in with the connection that only tasks of the DAG operate get."""
    subject = "account of operate"
    try:
        with _as_dag(_OPERATE), AtdbHook(CONNECTION).client(patience=0) as client:
            me = client.me()
    except (Unauthorized, Forbidden) as error:
        return _refused(place, subject, error)
    except AtdbError as error:
        seen = f"a request with the connection {CONNECTION} failed: {short(error)}"
        return failed(
            subject, seen, f"Correct {CONNECTION} in {place.settings.credentials}. {_start_again(place)}"
        )
    except Exception:  # the error may quote the connection, with its password
        seen = f"the connection {CONNECTION} of the DAG {_OPERATE} cannot be read"
        return failed(subject, seen, f"{_start_again(place)} If the site has set it, correct it first.")
    return _of_role(place, subject, me, Capability.OPERATE, Role.OPERATOR)


def _start_again(place: Location) -> str:
    return f"Run {place.restart('worker')}: this writes the connection again."


@contextmanager
def _as_dag(dag_id: str) -> Iterator[None]:
    """Read connections as a task of a DAG. Each check has a process of its own, so no other check is affected."""
    os.environ[_DAG_VARIABLE] = dag_id
    try:
        yield
    finally:
        del os.environ[_DAG_VARIABLE]


def _of_version(place: Location, answered: str) -> CheckResult:
    if answered == version("atdb"):
        return well(SUBJECT, f"version {answered} responds, and so does its database")
    seen = f"version {answered} responds; tasks here have version {version('atdb')}"
    return warning(SUBJECT, seen, f"Complete the upgrade: start all services in one version with {place.start()}.")


def _of_schema(place: Location, state: SchemaState) -> CheckResult:
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


def _of_stages(place: Location, client: Client) -> Iterator[CheckResult]:
    paused = [stage for stage in client.stages() if stage.paused]
    for stage in paused:
        since = f" since {write_time(stage.paused_at)}" if stage.paused_at else ""
        why = f": {stage.pause_reason.removesuffix('.')}" if stage.pause_reason else ""
        yield warning(
            "stages",
            f"{stage.stage} has been paused in ATDB by {stage.paused_by}{since}{why}. "
            f"Observations that wait for it: {stage.waiting}",
            f"Ask {stage.paused_by}. An operator resumes it on ATDB's page Services "
            f"({place.page(f'/services/{stage.stage}/')}).",
        )
    if not paused:
        yield well("stages", "none is paused in ATDB")


def _of_deletion(place: Location, client: Client) -> CheckResult:
    now = client.deletion()
    if now.allowed or now.stopped_at is None:
        return well("deletion", "it is on: remove deletes what the archive holds")
    return warning(
        "deletion",
        f"{now.stopped_by} switched it off at {write_time(now.stopped_at)}: {now.reason}",
        f"Ask {now.stopped_by}. An operator switches it on at {place.page('/deletion/')}.",
    )


def _of_listener(place: Location, client: Client) -> CheckResult:
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
        return _of_troubles(service, advice)
    return well("listen", f"it sent its last heartbeat at {since}")


def _of_troubles(service: Service, advice: str) -> CheckResult:
    """Report the statuses for which listen creates no runs: a warning if users have only paused their DAGs."""
    statuses: dict[str, list[Status]] = {}
    for status, trouble in sorted(service.troubles.items()):
        statuses.setdefault(trouble.reason, []).append(status)
    seen = "; ".join(f"{' and '.join(of_reason)}: {reason}" for reason, of_reason in statuses.items())
    seen = f"it creates no runs for some statuses. {seen}"
    pauses = {reason_of_pause(dag_id) for dag_id in (LISTEN_DAG, *DAG_OF.values())}
    if statuses.keys() <= pauses:
        return warning("listen", seen, "The lines `DAGs` show who paused each DAG, and since when. Ask that user.")
    return failed("listen", seen, advice)
