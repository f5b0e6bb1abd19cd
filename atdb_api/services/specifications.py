"""Observations as their instrument reads them: the fields of the wire model, without history and products."""

from collections.abc import Mapping
from typing import Any

from atdb_api.models import Observation
from atdb_api.search.columns import OBSERVATION_FIELDS
from atdb_interface.observations import Observation as ObservationModel


def specification(observation: Observation, values: Mapping[str, Any] | None = None) -> ObservationModel:
    """Return an observation for the functions of its instrument. `values`: changes that it does not have yet.

    The names of `values` are those of the table.
    """
    values = values or {}
    fields = OBSERVATION_FIELDS.values(observation)
    names = OBSERVATION_FIELDS.names
    fields |= {name: values[column] for name in fields if (column := names.get(name, name)) in values}
    fields["duration"] = int((fields["endtime"] - fields["starttime"]).total_seconds())
    return ObservationModel(**fields, new_status=observation.status, status_history=[], generated_dataproducts=[])
