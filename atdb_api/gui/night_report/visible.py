"""Show characters that have no shape, or change the direction of others: names and reasons come from anybody."""

import re

from markupsafe import Markup

#: Control characters but for tab and line feed, what reverses or isolates text, line separators, and the mark of
#: byte order.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """Write such characters by their number, as ⟨U+202E⟩; a `Markup` is ours and stays as it is."""
    if isinstance(text, Markup):
        return text
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)
