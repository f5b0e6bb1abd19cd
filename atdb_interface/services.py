"""Services, and the heartbeats that they send to ATDB."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from atdb_interface.base_models import Returned, Wire
from atdb_interface.fields import Name, Text, Time
from atdb_interface.lifecycle import Status


class Heartbeat(Wire):
    """The heartbeat of a service. `statuses`: those it processes. `detail`: what it does at present.

    `troubles`: the reason for each status that the service cannot process at the moment.
    """

    model_config = ConfigDict(title="SignOfLife")  # its name in the OpenAPI document

    name: Name
    statuses: Annotated[list[Status], Field(max_length=len(Status))] = Field(default_factory=list)
    detail: Text = ""
    troubles: dict[Status, Annotated[Text, StringConstraints(min_length=1)]] = Field(default_factory=dict)


class Trouble(BaseModel):
    """The reason why a service cannot process a status, and since when it has been unable to."""

    reason: str
    since: Time


class Service(Returned):
    """A service as ATDB returns it."""

    name: str
    statuses: list[Status]
    detail: str
    last_seen: Time
    troubles: dict[Status, Trouble] = Field(default_factory=dict)
