"""The parts of a page that come from macros: each is the macro of its name in one template."""

from typing import Any

from flask import get_template_attribute

from atdb_api.gui.live import Part


def part(template: str, name: str, facts: Any, page: Any) -> Part:
    """Make a part that `name(page, version)` writes; anew when its facts differ."""

    def write() -> str:
        return str(get_template_attribute(template, name)(page, made.version))

    made = Part(name, facts, write)
    return made
