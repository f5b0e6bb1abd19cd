"""Replace invisible and direction-changing characters, because names and reasons are untrusted text."""

import re

from markupsafe import Markup

#: Control characters except tab and line feed, characters that reverse or isolate text, line separators, and the
#: byte order mark.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """Replace such characters by their code point, such as ⟨U+202E⟩; leave `Markup` unchanged."""
    if isinstance(text, Markup):
        return text
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)
