"""Errors of a model's fields: which field, and what is wrong with it, apart from each other."""

from pydantic_core import ErrorDetails, PydanticCustomError

_KIND = "field"


def field_error(name: str, message: str) -> PydanticCustomError:
    """Return the error with which a validator of a whole model names the field that is wrong."""
    return PydanticCustomError(_KIND, "{message}", {"field": name, "message": message})


def field_of(item: ErrorDetails) -> tuple[str | int, ...]:
    """Return the path to the field of one of Pydantic's errors; empty if it is about the whole model."""
    return (*item["loc"], item["ctx"]["field"]) if item["type"] == _KIND else item["loc"]


def message_of(item: ErrorDetails) -> str:
    """Return what is wrong, of one of Pydantic's errors, without the prefix that it gives to a ValueError."""
    return str(item["ctx"]["error"]) if item["type"] == "value_error" else item["msg"]
