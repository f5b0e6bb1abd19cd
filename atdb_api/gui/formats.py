"""The formats of sizes, times, durations and reasons on pages. Templates use these as filters."""

import re
from datetime import UTC, datetime, timedelta

from flask import Blueprint

from atdb_api.gui.status_groups import group_of
from atdb_interface import quantities
from atdb_interface.reasons import without_code

_SIZE = re.compile(r"([0-9]{1,15})(\.[0-9]{1,9})? ?([kMGTP]?)B?", re.ASCII | re.IGNORECASE)


def init_app(views: Blueprint) -> None:
    """Register the filters for templates."""
    for write in (size, span, moment, clock, machine, group_of, without_code):
        views.add_app_template_filter(write)
    views.add_app_template_global(now)


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def size(size_bytes: int | None) -> str:
    """Format a size such as 4.6 TB; empty if unknown."""
    return "" if size_bytes is None else quantities.size(size_bytes)


def read_size(text: str) -> str:
    """Convert `1.5 TB` to bytes; return other text unchanged, so that the filters refuse it."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return text
    whole, part, prefix = match.groups()
    return str(round(float(whole + (part or "")) * 1000 ** ("kmgtp".index(prefix.lower()) + 1 if prefix else 0)))


def span(length: timedelta | float | None) -> str:
    """Format a duration with its two largest units: 45 s, 12 min, 3 h 05, 2 d 4 h."""
    if length is None:
        return ""
    seconds = max(0, int(length.total_seconds() if isinstance(length, timedelta) else length))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60:02d}"
    return f"{days} d {hours % 24} h" if days < 100 else f"{days} d"


def moment(at: datetime | None) -> str:
    """Format a time in UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else ""


def clock(at: datetime | None, beside: datetime | None = None) -> str:
    """Format the time of day; with the day if that differs from the day of `beside`."""
    if at is None:
        return ""
    at = at.astimezone(UTC)
    if beside is None or at.year != beside.astimezone(UTC).year:
        return moment(at)
    return at.strftime("%H:%M" if at.date() == beside.astimezone(UTC).date() else "%m-%d %H:%M")


def machine(at: datetime) -> str:
    """Format a time for programs, to the microsecond."""
    return at.astimezone(UTC).isoformat()
