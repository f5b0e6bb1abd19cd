"""operate: what an operator asks for some observations, from Airflow's pages."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_plugins.hooks.atdb import AtdbHook
from operators.failures import request_reported

#: What can be asked for beside the actions of the lifecycle.
PRIORITY = "priority"


class ActOnObservationsOperator(BaseOperator):
    """Do the same to each observation that the run names; those refused make it fail, after all the others.

    The run's parameters: `taskIDs`, `action`, `priority` and `reason`.
    """

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def execute(self, context: Any) -> None:
        """Do it."""
        task_ids = list(dict.fromkeys(re.findall(r"[^\s,;]+", context["params"]["taskIDs"])))
        with request_reported(self, task_ids):
            self._operate_all(task_ids, context["params"], context["dag_run"].triggering_user_name)

    def _operate_all(self, task_ids: list[str], params: Mapping[str, Any], user: str | None) -> None:
        given = params["reason"].strip()
        if not task_ids or not given:
            raise AirflowFailException("name at least one taskID, and give a reason")
        # ATDB knows Airflow's account only, so the reason says who it was.
        reason = f"{user} in Airflow: {given}" if user else given
        with AtdbHook(self.atdb_conn_id).client() as client:
            refused = list(self._refused(client, task_ids, params, reason))
        if refused:
            raise AirflowFailException(f"{len(refused)} of {len(task_ids)} refused: {'; '.join(refused)}")

    def _refused(
        self, client: Client, task_ids: Iterable[str], params: Mapping[str, Any], reason: str
    ) -> Iterable[str]:
        for task_id in task_ids:
            try:
                self.log.info("%s", _operate(client, task_id, params, reason))
            except AtdbError as error:
                self.log.warning("%s: %s", task_id, error)
                yield f"{task_id}: {error}"


def _operate(client: Client, task_id: str, params: Mapping[str, Any], reason: str) -> str:
    """Do what is asked for one observation; tells what has become of it."""
    if params["action"] == PRIORITY:
        found = client.observation(task_id)
        changed = client.change_observation(found.id, priority=params["priority"], reason=reason)
        return f"{task_id} has priority {changed.priority}"
    changed = client.act(task_id, Action(params["action"]), reason=reason)
    return f"{task_id} is {changed.my_status}"
