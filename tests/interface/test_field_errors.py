"""Which field is wrong does not depend on the wording of what is wrong."""

from typing import Self

import pytest
from pydantic import BaseModel, ValidationError, field_validator, model_validator

from atdb_api.html.action_forms import _errors
from atdb_api.rest.problems import bad_request
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest
from atdb_interface.field_errors import field_error


class Given(BaseModel):
    message: str = ""
    about_the_whole: bool = False

    @field_validator("message")
    @classmethod
    def _is_lower_case(cls, message: str) -> str:
        if message != message.lower():
            raise ValueError(message)
        return message

    @model_validator(mode="after")
    def _is_right(self) -> Self:
        if self.about_the_whole:
            raise ValueError(self.message)
        raise field_error("options.gain", self.message)


@pytest.mark.parametrize("message", ["too high", "the gain: too high", "10 at most: options", "{gain}: é"])
def test_a_validator_of_the_whole_names_a_field_and_words_the_message_as_it_likes(message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Given(message=message)
    problem = bad_request(refused.value)
    assert problem.extra["errors"] == [{"field": "options.gain", "message": message}]
    assert problem.detail == f"options.gain: {message}"
    assert _errors(problem.problem()) == {"options": f"gain: {message}"}


def test_a_message_about_the_whole_or_of_a_field_is_not_split() -> None:
    for given, field in (({"message": "a: b", "about_the_whole": True}, ""), ({"message": "A: b"}, "message")):
        with pytest.raises(ValidationError) as refused:
            Given.model_validate(given)
        assert bad_request(refused.value).extra["errors"] == [{"field": field, "message": given["message"]}]


def test_the_server_names_the_field(client: Client) -> None:
    start = "2019-04-05T21:03:02Z"
    new = {"field_name": "x", "observing_mode": "arts_sc1_timing", "starttime": start, "duration": 1}
    for wrong, field in (({"options": {"ndps": 0}}, "options.ndps"), ({"options": {"x": "x" * 5000}}, "options")):
        with pytest.raises(BadRequest) as refused:
            client.create_observation({**new, **wrong})
        assert [error["field"] for error in refused.value.extra["errors"]] == [field]
