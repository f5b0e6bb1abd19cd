"""The DAGs of the stages, and which of them works on an observation that has a certain status."""

from collections.abc import Mapping
from types import MappingProxyType

from atdb_interface.lifecycle import Status
from atdb_interface.status_kinds import STAGE_OF

#: The DAG that dispatches, and the tag by which Airflow lists it with the stages' DAGs.
LISTEN_DAG, TAG = "listen", "atdb"
#: The DAG that works on observations with each status: the source of a stage, and work whose lease has expired.
DAG_OF: Mapping[Status, str] = MappingProxyType(
    {status: str(stage.actor) for status, stage in STAGE_OF.items() if status is stage.source or stage.resumable}
)
