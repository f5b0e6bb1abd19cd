"""operate: act on several observations from Airflow's pages."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from operators.base import AtdbOperator
from operators.failures import request_reported

#: The connection of an account with the role operator. Only the tasks of the DAG operate get it.
CONNECTION = "atdb_operate"
#: Can be requested like an action of the lifecycle.
PRIORITY = "priority"


class ActOnObservationsOperator(AtdbOperator):
    """Act on each observation that the run names. If ATDB refuses any, fail after the others are done.

    The run's parameters: `taskIDs`, `action`, `priority` and `reason`. The account of the stages cannot act on
    observations, so the default is a connection of its own.
    """

    def __init__(self, *, atdb_conn_id: str = CONNECTION, **kwargs: Any) -> None:
        super().__init__(atdb_conn_id=atdb_conn_id, **kwargs)

    def execute(self, context: Any) -> None:
        """Act on all of them."""
        atdb_task_ids = list(dict.fromkeys(re.findall(r"[^\s,;]+", context["params"]["taskIDs"])))
        with request_reported(self, atdb_task_ids):
            self._operate_all(atdb_task_ids, context["params"], context["dag_run"].triggering_user_name)

    def _operate_all(self, atdb_task_ids: list[str], params: Mapping[str, Any], user: str | None) -> None:
        given = params["reason"].strip()
        if not atdb_task_ids or not given:
            raise AirflowFailException("No observation was changed: enter at least one taskID and a reason.")
        # ATDB knows only the account of the connection, so the reason names the user.
        reason = f"{user} in Airflow: {given}" if user else given
        with self.client() as client:
            refused = list(self._refused(client, atdb_task_ids, params, reason))
        if refused:
            raise AirflowFailException(f"{len(refused)} of {len(atdb_task_ids)} refused: {' '.join(refused)}")

    def _refused(
        self, client: Client, atdb_task_ids: Iterable[str], params: Mapping[str, Any], reason: str
    ) -> Iterable[str]:
        for atdb_task_id in atdb_task_ids:
            try:
                self.log.info("%s", _operate(client, atdb_task_id, params, reason))
            except AtdbError as error:
                self.log.warning("%s: %s", atdb_task_id, error)
                yield f"{atdb_task_id}: {error}"


def _operate(client: Client, atdb_task_id: str, params: Mapping[str, Any], reason: str) -> str:
    """Act on one observation; return the outcome as text."""
    if params["action"] == PRIORITY:
        observation = client.observation(atdb_task_id)
        changed = client.change_observation(observation.id, priority=params["priority"], reason=reason)
        return f"{atdb_task_id} has priority {changed.priority}"
    changed = client.act(atdb_task_id, Action(params["action"]), reason=reason)
    return f"{atdb_task_id} has status {changed.my_status}"
