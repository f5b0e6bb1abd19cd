"""The characters that ATDB refuses in text, and how terminals, logs and pages show text that has them.

ATDB does not store a text with one of them, because they could add lines to a parset or a log, control a terminal,
or reverse the text after them. Texts of earlier versions and of other programs can still have them.

The constants are parts of character classes. Surrogates are in none of them, because neither JSON nor Pydantic
accepts them, and patterns of Rust cannot name them.
"""

import re
import unicodedata
from typing import Any

#: DEL, C1 with the line separator U+0085, U+2028 and U+2029, and what changes the direction of text.
_OTHERS = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
#: What a text of one line cannot hold.
REFUSED = rf"\x00-\x1f{_OTHERS}"
#: What a text of several lines cannot hold: the same, but tab, line feed and carriage return are allowed.
REFUSED_IN_LINES = rf"\x00-\x08\x0b\x0c\x0e-\x1f{_OTHERS}"
#: Characters that cannot be seen, including all refused ones.
BLANK = r"\x00-\x20\x7f-\xa0\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff"

_REFUSED = re.compile(f"[{REFUSED}]")
_REFUSED_IN_LINES = re.compile(f"[{REFUSED_IN_LINES}]")
_SPACES = str.maketrans("\t\n\r", "   ")
#: The categories of Unicode that are replaced when text is shown: controls, formats, separators and surrogates.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def holds_refused(text: str) -> bool:
    """Return whether a text of one line holds a refused character."""
    return _REFUSED.search(text) is not None


def holds_refused_in_lines(value: Any) -> bool:
    """Return whether a text of several lines, at any depth of a JSON value, holds a refused character."""
    if isinstance(value, dict):
        return any(map(holds_refused_in_lines, value)) or any(map(holds_refused_in_lines, value.values()))
    if isinstance(value, list):
        return any(map(holds_refused_in_lines, value))
    return isinstance(value, str) and _REFUSED_IN_LINES.search(value) is not None


def in_lines(text: str) -> str:
    r"""Return text of other programs as ATDB accepts it in a reason: an escape is `\x1b`."""
    return escaped(text, keep="\t\n\r")


def in_one_line(text: object) -> str:
    """Return text as one line that a terminal or a log can show; line breaks and tabs become spaces."""
    return escaped(str(text).translate(_SPACES))


def printable(text: str) -> str:
    """Return text in which each character that cannot be printed is a space."""
    return "".join(character if character.isprintable() else " " for character in text)


def escaped(text: str, *, keep: str = "", form: str | None = None) -> str:
    """Replace all characters that cannot be seen, except those to keep.

    `form`: the format of the code point, such as `<U+{:04X}>`. By default, it is that of Python's literals.
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(each, form) if unicodedata.category(each) in _UNSEEN and each not in keep else each
        for each in text
    )


def _escaped(character: str, form: str | None) -> str:
    if form is not None:
        return form.format(ord(character))
    return character.encode("unicode_escape").decode()
