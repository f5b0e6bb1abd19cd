"""The deletion switch: while it is off, no data are deleted from any data host."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.config import JsonDict

from atdb_interface.base_models import Wire
from atdb_interface.field_errors import field_error
from atdb_interface.fields import VISIBLE, Flag, Reason, Time

_OFF_HAS_A_REASON: JsonDict = {
    "if": {"properties": {"allowed": {"const": True}}},
    "else": {"properties": {"reason": {"pattern": VISIBLE}}, "required": ["reason"]},
}


class DeletionChange(Wire):
    """A change of the deletion switch. To switch deletion off requires a reason."""

    model_config = ConfigDict(json_schema_extra=_OFF_HAS_A_REASON)

    allowed: Flag
    reason: Reason = ""

    @model_validator(mode="after")
    def _off_has_a_reason(self) -> Self:
        if not self.allowed and not re.search(VISIBLE, self.reason):
            raise field_error("reason", "to switch deletion off requires a reason")
        return self


class Deletion(BaseModel):
    """The state of the deletion switch: `allowed`, or switched off by `stopped_by` since `stopped_at`."""

    allowed: bool
    stopped_by: str | None
    stopped_at: Time | None
    reason: str | None
