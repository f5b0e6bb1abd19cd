"""The DAGs of the stages, and which of them works on an observation that has a certain status."""

from collections.abc import Mapping
from types import MappingProxyType

from atdb_interface.lifecycle import STAGES, Status

#: The DAG that dispatches, and the tag by which Airflow lists it with the stages' DAGs.
LISTEN_DAG, TAG = "listen", "atdb"
#: The DAG that works on observations with each status: the source of a stage, and work whose lease has expired.
DAG_OF: Mapping[Status, str] = MappingProxyType(
    {
        status: str(stage.actor)
        for stage in STAGES
        for status in (stage.source, stage.working if stage.resumable else None)
        if status
    }
)
