"""JSON to read: indented and escaped, and what names something else in ATDB is a link to it."""

import json
from typing import Any
from urllib.parse import quote

from flask import request
from markupsafe import Markup, escape

_LINK = Markup('<a href="{}">{}</a>')
#: Where the number of something leads, by the name of the field that holds it.
_DETAILS = {
    "generated_dataproducts": "dataproducts",
    "generatedByObservation": "observations",
}


def pretty(value: Any, of: str | None = None) -> Markup:
    """Write JSON with links. `of`: the resource whose items these are, if their ids lead anywhere."""
    return _write(value, "", of, "\n")


def cell(name: str, value: Any, of: str | None) -> Markup:
    """Write one value of a table."""
    if value is None:
        return Markup("")
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    address = _address(name, value, of)
    return _LINK.format(address, shown) if address else escape(shown)


def _write(value: Any, name: str, of: str | None, line: str) -> Markup:
    inner = line + "  "
    if isinstance(value, dict) and value:
        return _block("{", [_pair(k, v, of, inner) for k, v in value.items()], "}", line)
    if isinstance(value, list) and value:
        if name in _DETAILS and all(type(item) is int for item in value):
            return _numbers(name, value)
        items = [_write(item, name, of, inner) for item in value]
        if any(isinstance(item, dict | list) for item in value):
            return _block("[", items, "]", line)
        return Markup("[") + Markup(", ").join(items) + "]"
    text = json.dumps(value, ensure_ascii=False)
    address = _address(name, value, of)
    return _LINK.format(address, text) if address else escape(text)


def _numbers(name: str, numbers: list[int]) -> Markup:
    """Write the numbers of many things at once: a page may have tens of thousands."""
    root = escape(f"{request.script_root}/atdb/{_DETAILS[name]}/")
    links = ", ".join(f'<a href="{root}{number}/">{number}</a>' for number in numbers)
    return Markup(f"[{links}]")  # noqa: S704 - numbers, and what is escaped above


def _block(begin: str, parts: list[Markup], end: str, line: str) -> Markup:
    inner = line + "  "
    return escape(begin + inner) + escape("," + inner).join(parts) + line + end


def _pair(name: str, value: Any, of: str | None, line: str) -> Markup:
    if name == "status_history":
        of = "status"
    elif name not in ("id", "results"):
        of = None  # an id further in is that of something else
    return escape(json.dumps(name, ensure_ascii=False)) + ": " + _write(value, name, of, line)


def _address(name: str, value: Any, of: str | None) -> str | None:
    """Find where a value leads; addresses of other hosts lead nowhere."""
    root = f"{request.script_root}/atdb/"
    if isinstance(value, str):
        if value.startswith(request.host_url):
            return value
        return f"{root}observations/?taskID={quote(value, safe='')}" if name == "taskID" else None
    if type(value) is not int:
        return None
    resource = of if name == "id" else _DETAILS.get(name)
    return f"{root}{resource}/{value}/" if resource else None
