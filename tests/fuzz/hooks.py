"""Adapt generated requests to rules that JSON Schema cannot express, each with its reason.

Except for requests that would disturb the run itself, requests that are invalid on purpose stay invalid.
"""

import json
import os
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

import schemathesis
from pydantic import TypeAdapter, ValidationError
from schemathesis.core.parameters import ParameterLocation

from atdb_api.services.specification_checks import LONGEST
from atdb_interface.characters import holds_refused_in_lines
from atdb_interface.fields import (
    LONGEST_DIRECTORY_NAME_BYTES,
    LONGEST_FILE_NAME_BYTES,
    LONGEST_TEXT,
    SpecifiedTime,
    write_time,
)

#: The id of the token that the run uses, and the password of the account `viewer`.
OWN_TOKEN = int(os.environ["ATDB_FUZZ_TOKEN_ID"])
PASSWORD = os.environ["ATDB_FUZZ_PASSWORD"]
_KEY = "Idempotency-Key"
_NUMBERS = count()
_TIME = TypeAdapter(SpecifiedTime)
_AS_TEXT: TypeAdapter[Any] = TypeAdapter(float | bool)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Adapt a request before it is sent."""
    _keep_own_token(case)
    _come_with_a_new_key(case)
    _send_no_numbers_as_text(case)
    _send_only_texts(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    case.query = dict(case.query)
    case.body = deepcopy(case.body)
    for adapt in (_know_the_past, _begin_the_walk, _stay_in_the_list, _log_in, _name_an_account):
        adapt(case)
    if isinstance(case.body, dict) and "observations" in case.path:
        body: Any = case.body.get("change", case.body)
        is_new = case.path == "/atdb/observations/"
        _agree_on_times(body, is_new=is_new)
        _be_possible(body, is_new=is_new)
        _keep_options_short(body)
    each: Any
    for each in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(each, dict):
            _fit_names(each.get("change", each))
    if isinstance(case.body, dict) and case.path == "/atdb/reports/":
        _agree_on_the_night(case.body)


def _keep_own_token(case: schemathesis.Case[Any]) -> None:
    """Never revoke the token that the run uses: all later requests would be refused."""
    if case.path == "/atdb/tokens/{token_id}/" and str(case.path_parameters.get("token_id")) == str(OWN_TOKEN):
        case.path_parameters = {"token_id": OWN_TOKEN + 1}


def _come_with_a_new_key(case: schemathesis.Case[Any]) -> None:
    """Send each Idempotency-Key once: many requests have the same, and only the first would be processed."""
    if _KEY in case.headers and case.meta and not case.meta.is_negative_at(ParameterLocation.HEADER):
        case.headers[_KEY] = f"{case.headers[_KEY][:150]}-{next(_NUMBERS)}"


def _send_no_numbers_as_text(case: schemathesis.Case[Any]) -> None:
    """Change texts that are numbers or flags where a request must be refused: ATDB reads them, as in forms."""
    if case.meta and case.meta.is_negative_at(ParameterLocation.BODY):
        body = _with_words(case.body)
        if body != case.body:
            case.body = body


def _send_only_texts(case: schemathesis.Case[Any]) -> None:
    """Change the names of nulls, objects and lists where a URL must be refused: it would have texts instead."""
    if case.meta and case.meta.is_negative_at(ParameterLocation.QUERY):
        is_text = {name: isinstance(value, str | int | float) for name, value in case.query.items()}
        case.query = {name if is_text[name] else f"not_{name}": value for name, value in case.query.items()}


def _with_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_words(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_words(each) for each in value]
    return f"not {value}" if isinstance(value, str) and _is_number_or_flag(value) else value


def _is_number_or_flag(text: str) -> bool:
    try:
        _AS_TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def _know_the_past(case: schemathesis.Case[Any]) -> None:
    """Do not query moments in the future: no pattern can express this."""
    now = datetime.now(UTC)
    if (text := case.query.get("as_of")) and int(str(text)[:4]) >= now.year:
        case.query["as_of"] = write_time(now)


def _begin_the_walk(case: schemathesis.Case[Any]) -> None:
    """Begin with the empty cursor: all others come from the server."""
    if case.query.get("cursor"):
        case.query["cursor"] = ""


def _stay_in_the_list(case: schemathesis.Case[Any]) -> None:
    """Query one of the first pages: past the end, every response is a 404."""
    if "page" in case.query:
        case.query["page"] = 1 + int(case.query["page"]) % 2


def _log_in(case: schemathesis.Case[Any]) -> None:
    """Log in with the right password: with random ones, no login would ever succeed."""
    if case.path == "/atdb/login/" and isinstance(case.body, dict):
        case.body |= {"name": "viewer", "password": PASSWORD}


def _name_an_account(case: schemathesis.Case[Any]) -> None:
    """Pass claims on to an account that exists: no schema knows the accounts."""
    if case.path == "/atdb/claims/" and isinstance(case.body, dict) and case.body.get("for_account") is not None:
        case.body["for_account"] = "viewer"


def _agree_on_the_night(body: dict[str, Any]) -> None:
    """Move a generated night to the past, and its begin, end and report to moments that agree with it."""
    night = min(date.fromisoformat(body["night"]), datetime.now(UTC).date() - timedelta(days=3))
    begins = datetime.combine(night, time(8), UTC)
    moments = {"begins": begins, "ends": begins + timedelta(days=1), "made_at": begins + timedelta(days=2)}
    body |= {"night": str(night), **{name: write_time(moment) for name, moment in moments.items()}}


def _agree_on_times(body: dict[str, Any], *, is_new: bool) -> None:
    """Move the end after the start, which is soon, and adapt the duration: a schema cannot compare fields."""
    given = {name: body[name] for name in ("starttime", "endtime") if body.get(name) is not None}
    soon = datetime.now(UTC) + timedelta(days=365)
    if is_new and "endtime" not in given:
        body["starttime"] = write_time(min(_TIME.validate_python(given["starttime"]), soon))
        if not 1 <= (body.get("duration") or 0) <= LONGEST.total_seconds():
            body["duration"] = 300
    elif given:
        body.pop("duration", None)
        moments = sorted(_TIME.validate_python(text) for text in given.values())
        start = min(moments[0], soon)
        end = min(max(moments[-1], start + timedelta(seconds=1)), start + LONGEST)
        body |= {"starttime": write_time(start), "endtime": write_time(end)}


def _be_possible(body: dict[str, Any], *, is_new: bool) -> None:
    """Choose what the telescope can do: a schema cannot compare fields with each other, or dishes in a text."""
    if is_new or {"field_ra", "field_ha", "field_dec"} & body.keys():
        body |= {
            "field_ra": body.get("field_ra") or 1.5,
            "field_ha": None,
            "field_dec": max(body.get("field_dec") or 2.5, -30.0),
        }
    for name, possible in (("central_frequency", 1370), ("start_band", 1), ("end_band", 24)):
        if body.get(name) is not None:
            body[name] = possible
    if body.get("telescopes"):
        body["telescopes"] = "".join(sorted(set(body["telescopes"])))


def _keep_options_short(body: dict[str, Any]) -> None:
    """Leave out options that are too long in total, or that have control characters at any depth."""
    options = body.get("options")
    if len(json.dumps(options)) > LONGEST_TEXT or holds_refused_in_lines(options):
        del body["options"]


def _fit_names(body: dict[str, Any]) -> None:
    """Replace names that have more bytes than a file system allows: a schema counts characters."""
    if len(str(body.get("filename") or "").encode()) > LONGEST_FILE_NAME_BYTES:
        body["filename"] = f"{next(_NUMBERS)}.fits"
    if any(
        len(part.encode()) > LONGEST_DIRECTORY_NAME_BYTES
        for part in str(body.get("data_location") or "").split("/")
    ):
        body["data_location"] = "wcudata1:/data"
