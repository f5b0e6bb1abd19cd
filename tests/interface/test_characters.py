"""Line separators, control characters and what reverses text: refused in every field, harmless when shown."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

import atdb_interface
from atdb_interface import night_reports, reasons
from atdb_interface.base_models import Wire
from atdb_interface.characters import escaped, in_lines, in_one_line, printable
from atdb_interface.fields import GivenReason, Name, Reason, Text
from atdb_interface.sessions import Login

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
SEPARATORS = ["\u2028", "\u2029"]
DIRECTIONS = [*map(chr, (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))]
REFUSED = [*CONTROLS, *SEPARATORS, *DIRECTIONS]
ALLOWED_IN_REASONS = ["\t", "\n", "\r"]
#: A password is never shown. The texts of a report are ATDB's own ones, and its page and command escape them.
NOT_CHECKED = {(Login, "password")}
REPORTS = night_reports.__name__


def texts_of(model: type[BaseModel]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of each field of a model that can be any text, and is no closed set."""
    whole = model.model_json_schema()
    for name, schema in whole["properties"].items():
        for each in schema.get("anyOf", [schema]):
            if each.get("type") == "string" and "enum" not in each and "const" not in each:
                yield name, each


def requests(model: type[BaseModel] = Wire) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from requests(each)


def test_no_text_of_any_request_can_hold_them() -> None:
    for module in pkgutil.iter_modules(atdb_interface.__path__):
        import_module(f"atdb_interface.{module.name}")
    checked = set()
    for model in {*requests()}:
        if model.__module__ == REPORTS:
            continue
        for name, schema in texts_of(model):
            if (model, name) in NOT_CHECKED:
                continue
            validator = Draft202012Validator(schema)
            allowed = {each for each in REFUSED if validator.is_valid(f"a{each}b")}
            assert allowed <= ({*ALLOWED_IN_REASONS} if "reason" in name or name == "trouble" else set()), name
            checked.add(name)
    assert {
        "field_name",
        "filename",
        "reason",
        "trouble",
        "detail",
        "owner",
        "quality",
        "data_location",
    } <= checked


@pytest.mark.parametrize("character", REFUSED, ids=lambda each: f"U+{ord(each):04X}")
def test_each_is_refused_in_names_texts_and_reasons(character: str) -> None:
    for kind in (Name, Text, Reason, GivenReason):
        is_allowed = character in ALLOWED_IN_REASONS and kind in (Reason, GivenReason)
        assert is_read(kind, f"a{character}b") == is_allowed, kind


def is_read(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["M31, north", "Ωμέγα", "日本", "3C 48\u00a0b", "e\u0301", "a\u200db", "😀", "\\n"]
)
def test_other_text_is_kept(text: str) -> None:
    assert TypeAdapter(Name).validate_python(text) == text
    assert in_one_line(text.replace("\u200d", "")) == text.replace("\u200d", "")


@pytest.mark.parametrize("blank", ["", " ", "\u2003", "\u200b", "\ufeff", "\u2060 ", "\u00a0"])
def test_a_reason_that_cannot_be_seen_is_none(blank: str) -> None:
    assert not is_read(GivenReason, blank)
    assert not is_read(Name, blank)


def test_a_terminal_shows_them_as_escapes_in_one_line() -> None:
    assert in_one_line("a\x1b[31m\n\tb\u2028\u202ec\x85\ud800") == r"a\x1b[31m  b\u2028\u202ec\x85\ud800"
    for each in REFUSED:
        shown = in_one_line(f"a{each}b")
        assert shown.isprintable(), repr(each)
        assert len(shown.splitlines()) == 1
    assert escaped("a\u202e\n", keep="\n", form="<U+{:04X}>") == "a<U+202E>\n"


def test_what_cannot_be_printed_is_a_space() -> None:
    assert printable("a\x1b[31m\n\u2028b\ud800 é") == "a [31m  b  é"


def test_a_failure_is_recorded_whatever_another_program_says() -> None:
    error = OSError(f"{''.join(map(chr, range(0x20)))}\x9b2J\u2028\u202e\ud800 no space")
    reason = reasons.reason_of(error)
    assert is_read(Reason, reason)
    assert reason.endswith(r"\x9b2J \u202e\ud800 no space”")
    assert in_lines("two\r\n\tlines") == "two\r\n\tlines"
