"""The parts of a page that macros in a template render. A part and its macro have the same name."""

from typing import Any

from flask import get_template_attribute

from atdb_api.gui.live import Part


def part(template: str, name: str, facts: Any, page: Any) -> Part:
    """Create a part that the macro `name(page, version)` renders, and renders again when its facts change."""

    def write() -> str:
        return str(get_template_attribute(template, name)(page, made.version))

    made = Part(name, facts, write)
    return made
