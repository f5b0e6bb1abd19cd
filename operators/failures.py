"""The last line of a failed attempt's log: what failed, why, what to do next, and where to look in ATDB.

It is an ERROR if the task has failed, and a WARNING if Airflow repeats it. ATDB logs no other ERROR, so all errors
need attention. Airflow's traceback follows the line.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from atdb_interface.actions import RETRIES
from atdb_interface.characters import in_one_line
from atdb_interface.errors import NotFound
from atdb_interface.lifecycle import WORKING, Status
from atdb_interface.reasons import code_of, reason_of, words_of, write
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.links import tasks_page
from atdb_plugins.stage_dags import DAG_OF
from operators.attempts import Attempt
from operators.base import AtdbOperator

log = logging.getLogger(__name__)


class NotDueYet(Exception):
    """The work is not due yet, so the next attempt waits in the triggerer. This is not a failure."""


def words_on_product(filename: str, error: BaseException) -> str:
    """Return the text of an error on a data product.

    It begins with the name of the product, unless it has it already.
    """
    words = words_of(error)
    return words if words.startswith(f"{filename} ") else f"{filename}: {words}"


def product_reason(filename: str, error: BaseException) -> str:
    """Return the reason for which the work on a data product failed, with its name."""
    return write(code_of(error), words_on_product(filename, error))


@contextmanager
def reported(operator: AtdbOperator, context: Any) -> Iterator[None]:
    """Log an error of the work within, with the observation of the run, and raise it again."""
    try:
        yield
    except AirflowSkipException:
        raise
    except (Exception, AirflowTaskTimeout) as error:
        attempt = Attempt.of(context, operator)
        what, why = _subject(operator, context), _words(error)
        if isinstance(error, NotDueYet) and not attempt.is_last:
            log.info("%s is not due yet: %s. %s", what, why, _repeats(attempt))
        elif attempt.is_last or isinstance(error, AirflowFailException):
            log.error("%s failed: %s. %s", what, why, _next_step(context, operator.atdb_conn_id))
        else:
            where = _link([context["dag_run"].partition_key])
            log.warning("%s failed: %s. %s%s", what, why, _repeats(attempt), where)
        raise


@contextmanager
def request_reported(operator: BaseOperator, atdb_task_ids: list[str]) -> Iterator[None]:
    """Log an error of a request for several observations, and raise it again."""
    try:
        yield
    except (Exception, AirflowTaskTimeout) as error:
        advice = "Correct the request, then trigger this DAG again for the refused observations"
        log.error("%s failed: %s. %s%s", operator.task_id, _words(error), advice, _link(atdb_task_ids))
        raise


def _subject(operator: BaseOperator, context: Any) -> str:
    dag_run = context["dag_run"]
    task = "" if operator.task_id == dag_run.dag_id else f" (task {operator.task_id})"
    return f"{dag_run.dag_id} of {dag_run.partition_key or 'no observation'}{task}"


def _words(error: BaseException) -> str:
    """Format an error as one line without its full stop."""
    is_worded = isinstance(error, AirflowException | NotDueYet)
    return in_one_line(" ".join((str(error) if is_worded else reason_of(error)).split())).removesuffix(".")


def _repeats(attempt: Attempt) -> str:
    """Return when Airflow makes the next attempt."""
    return (
        f"Airflow starts attempt {attempt.number + 1} of {attempt.most} within {attempt.retry_seconds:.0f} s; "
        "no action needed yet"
    )


def _next_step(context: Any, atdb_conn_id: str) -> str:
    """Return the status of the observation, what an operator can do, and a link."""
    atdb_task_id = context["dag_run"].partition_key
    if not atdb_task_id:
        return "Trigger the DAG with a taskID as its partition key" + _link([])
    try:
        with AtdbHook(atdb_conn_id).client(patience=0) as client:
            status = client.observation(atdb_task_id).my_status
    except NotFound:
        return f"ATDB has no observation {atdb_task_id}. Check the run's partition key" + _link([])
    except Exception as error:
        unknown = f"The status of the observation is unknown ({_words(error)})"
        return f"{unknown}. Check that ATDB is running, then clear this run" + _link([atdb_task_id])
    return f"The observation is now '{status}'. {_advice(status)}{_link([atdb_task_id])}"


def _advice(status: Status) -> str:
    """Return what to do about an observation whose run failed and which has this status."""
    if status in RETRIES:
        return f"Fix the cause, then retry it in ATDB (back to '{RETRIES[status]}') or clear this run"
    if status in WORKING:
        if WORKING[status].resumable:
            return "When the lease of this run expires, another run continues automatically. Fix the cause"
        return "When the lease of this run expires, the DAG reconcile decides by the state of the telescope"
    if status in DAG_OF:
        return f"Fix the cause. {DAG_OF[status]} starts again when its claim expires, or now if you clear this run"
    return "Fix the cause, then clear this run"


def _link(atdb_task_ids: list[str]) -> str:
    page = tasks_page(atdb_task_ids)
    return f": {page}" if page else ""
