"""The services, and the heartbeats by which ATDB knows them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, Text, Time
from atdb_interface.lifecycle import Status


class Heartbeat(Wire):
    """A service's heartbeat: for which statuses it works, and what it does now.

    `troubles`: for each status with which it cannot work at the moment, the reason.
    """

    model_config = ConfigDict(title="SignOfLife")  # its name in the OpenAPI document

    name: Name
    statuses: Annotated[list[Status], Field(max_length=20)] = Field(default_factory=list)
    detail: Text = ""
    troubles: dict[Status, Annotated[Text, StringConstraints(min_length=1)]] = Field(default_factory=dict)


class Trouble(BaseModel):
    """What stands in a service's way, and since when something has."""

    reason: str
    since: Time


class Service(BaseModel):
    """A service as ATDB knows it."""

    name: str
    statuses: list[Status]
    detail: str
    last_seen: Time
    troubles: dict[Status, Trouble]
