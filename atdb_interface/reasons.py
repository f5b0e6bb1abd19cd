"""Reasons: a code, then plain English.

    DataHostNotMounted: The data host wcudata1 is not mounted below /data. Mount its disk.
    OSError: 2 of 3 data products are not in the archive. First failure: A.MS: “[Errno 28] No space left on device”

The marks “ and ” enclose the words of another program. For an error of a library, the code is the name of its
class. Reasons of users and other programs have any form.
"""

import re
from dataclasses import dataclass

from atdb_interface import characters, errors, former_texts
from atdb_interface.errors import AtdbError
from atdb_interface.fields import LONGEST_TEXT
from atdb_interface.reason_codes import ReasonCode

_REASON = re.compile(r"([A-Za-z_]\w*)(?:\(([^()]*)\))?: (.*)", re.DOTALL)
_QUOTED = re.compile(r"“([^”]*)")
_PLAIN_MARKS = str.maketrans("“”", '""')
_CODES = frozenset(ReasonCode)


class CodedError(Exception):
    """An error whose reason has a code; `str` returns the text without it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code, self.text = code, text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Reason:
    """The parts of a reason that programs compare. `quotation`: the words of another program."""

    code: str
    argument: str = ""
    quotation: str = ""


def write(code: str, text: str, *, argument: object = "") -> str:
    """Return a reason as ATDB accepts it. `argument`: a value that programs compare together with the code."""
    reason = f"{code}({argument}): {text}" if argument != "" else f"{code}: {text}"
    return characters.in_lines(reason)[:LONGEST_TEXT]


def quote(text: object) -> str:
    """Return the words of another program in quotation marks, in one line."""
    return f"“{' '.join(str(text).translate(_PLAIN_MARKS).split())}”"


def code_of(error: BaseException) -> str:
    """Return the code of an error."""
    return error.code if isinstance(error, CodedError) else type(error).__name__


def words_of(error: BaseException) -> str:
    """Return the text of an error, in quotation marks if the error is not one of ATDB."""
    return str(error) if isinstance(error, CodedError | AtdbError) else quote(error)


def reason_of(error: BaseException) -> str:
    """Return an error as a reason: its code, then its text as `words_of` returns it."""
    return write(code_of(error), words_of(error))


def read(reason: str) -> Reason | None:
    """Read a reason of this or an earlier version; return None if it has no code, as most reasons of users."""
    match = _REASON.match(reason)
    if match and _is_known(match[1]):
        return Reason(match[1], match[2] or "", "; ".join(_QUOTED.findall(match[3])))
    if former := _former(reason):
        return former
    if match:
        return Reason(match[1], match[2] or "", "; ".join(_QUOTED.findall(match[3])) or match[3])
    return None


def without_code(reason: str) -> str:
    """Return a reason for people, without its code.

    The name of a library's error stays, because the text can be unclear without it.
    """
    match = _REASON.match(reason)
    return match[3] if match and _is_known(match[1]) else reason


def has_code(reason: str, code: ReasonCode) -> bool:
    """Return whether a reason has this code."""
    known = read(reason)
    return known is not None and known.code == code


def _is_known(code: str) -> bool:
    kind = getattr(errors, code, None)
    return code in _CODES or (isinstance(kind, type) and issubclass(kind, AtdbError))


def _former(reason: str) -> Reason | None:
    if around := former_texts.AROUND_A_REASON.match(reason):
        return read(reason[around.end() :])
    for pattern, code in former_texts.REASONS:
        if match := pattern.fullmatch(reason):
            parts = match.groupdict()
            return Reason(code, parts.get("argument") or "", parts.get("quotation") or "")
    return None
