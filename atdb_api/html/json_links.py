"""JSON for reading: indented, escaped, and with links to other items of ATDB."""

import json
from typing import Any
from urllib.parse import quote

from flask import request
from markupsafe import Markup, escape

_LINK = Markup('<a href="{}">{}</a>')
#: The resource of an id, by the field that holds it.
_DETAILS = {
    "generated_dataproducts": "dataproducts",
    "generatedByObservation": "observations",
}


def pretty(value: Any, resource_name: str | None = None) -> Markup:
    """Format JSON with links. `resource_name`: the resource of these items, if they have pages."""
    return _write(value, "", resource_name, "\n")


def cell(name: str, value: Any, resource_name: str | None) -> Markup:
    """Format one value of a table."""
    if value is None:
        return Markup("")
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    address = _address(name, value, resource_name)
    return _LINK.format(address, shown) if address else escape(shown)


def _write(value: Any, name: str, resource_name: str | None, line: str) -> Markup:
    inner = line + "  "
    if isinstance(value, dict) and value:
        return _block("{", [_pair(k, v, resource_name, inner) for k, v in value.items()], "}", line)
    if isinstance(value, list) and value:
        if name in _DETAILS and all(type(item) is int for item in value):
            return _numbers(name, value)
        items = [_write(item, name, resource_name, inner) for item in value]
        if any(isinstance(item, dict | list) for item in value):
            return _block("[", items, "]", line)
        return Markup("[") + Markup(", ").join(items) + "]"
    text = json.dumps(value, ensure_ascii=False)
    address = _address(name, value, resource_name)
    return _LINK.format(address, text) if address else escape(text)


def _numbers(name: str, numbers: list[int]) -> Markup:
    """Format many ids at once, because a page may have tens of thousands."""
    root = escape(f"{request.script_root}/atdb/{_DETAILS[name]}/")
    links = ", ".join(f'<a href="{root}{number}/">{number}</a>' for number in numbers)
    return Markup(f"[{links}]")  # noqa: S704 - numbers, and the escaped path


def _block(begin: str, parts: list[Markup], end: str, line: str) -> Markup:
    inner = line + "  "
    return escape(begin + inner) + escape("," + inner).join(parts) + line + end


def _pair(name: str, value: Any, resource_name: str | None, line: str) -> Markup:
    if name == "status_history":
        resource_name = "status"
    elif name not in ("id", "results"):
        resource_name = None  # a nested id belongs to another resource
    return escape(json.dumps(name, ensure_ascii=False)) + ": " + _write(value, name, resource_name, line)


def _address(name: str, value: Any, resource_name: str | None) -> str | None:
    """Return the URL that a value links to; None for other hosts."""
    root = f"{request.script_root}/atdb/"
    if isinstance(value, str):
        if value.startswith(request.host_url):
            return value
        return f"{root}observations/?taskID={quote(value, safe='')}" if name == "taskID" else None
    if type(value) is not int:
        return None
    linked = resource_name if name == "id" else _DETAILS.get(name)
    return f"{root}{linked}/{value}/" if linked else None
