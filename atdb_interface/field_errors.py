"""Errors of a model's fields: the field and the message of each, as separate values."""

from pydantic_core import ErrorDetails, PydanticCustomError

_KIND = "field"


def field_error(name: str, message: str) -> PydanticCustomError:
    """Return the error with which a validator of a whole model names the field that is wrong."""
    return PydanticCustomError(_KIND, "{message}", {"field": name, "message": message})


def field_of(item: ErrorDetails) -> tuple[str | int, ...]:
    """Return the path to the field of one of Pydantic's errors; empty if it is about the whole model."""
    return (*item["loc"], item["ctx"]["field"]) if item["type"] == _KIND else item["loc"]


def message_of(item: ErrorDetails) -> str:
    """Return the message of one of Pydantic's errors, without the prefix that Pydantic adds to a ValueError."""
    return str(item["ctx"]["error"]) if item["type"] == "value_error" else item["msg"]
