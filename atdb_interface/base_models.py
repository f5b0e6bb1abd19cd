"""Base models of all resources: request bodies, requests for a move, and pages of lists."""

import re
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.config import JsonDict

from atdb_interface.field_errors import field_error
from atdb_interface.fields import VISIBLE, Flag, Reason


class Wire(BaseModel):
    """Base of all request bodies. A field that ATDB does not know is an error; it is never ignored."""

    model_config = ConfigDict(extra="forbid")


class Returned(BaseModel):
    """Base of what ATDB returns. A field with a default is absent in the answers of earlier versions.

    A program can therefore be upgraded before ATDB. In the JSON Schema of an answer, each field is required.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


FORCE_HAS_A_REASON: JsonDict = {
    "if": {"properties": {"force": {"const": False}}},
    "else": {"properties": {"reason": {"pattern": VISIBLE}}, "required": ["reason"]},
}


class Forcible(Wire):
    """A request for a move. `force`: make the move although the lifecycle does not allow it; operators only."""

    model_config = ConfigDict(json_schema_extra=FORCE_HAS_A_REASON)

    force: Flag = False
    reason: Reason = ""

    @model_validator(mode="after")
    def _force_has_a_reason(self) -> Self:
        if self.force and not re.search(VISIBLE, self.reason):
            raise field_error("reason", "a forced move requires a reason")
        return self


Item = TypeVar("Item", bound=BaseModel)


class Page(BaseModel, Generic[Item]):
    """One page of a list. `next` and `previous` are full URLs. `count` is null in a walk by `cursor`."""

    count: int | None
    next: str | None
    previous: str | None
    results: list[Item]
