"""The parts of a page that macros render: each by the macro of its name in a template."""

from typing import Any

from flask import get_template_attribute

from atdb_api.gui.live import Part


def part(template: str, name: str, facts: Any, page: Any) -> Part:
    """Create a part that the macro `name(page, version)` renders, again whenever its facts change."""

    def write() -> str:
        return str(get_template_attribute(template, name)(page, made.version))

    made = Part(name, facts, write)
    return made
