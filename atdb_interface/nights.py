"""The nights of the reports: each lasts 24 hours, from one report hour to the next, in UTC."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from atdb_interface.time_patterns import DAY_PATTERN

LENGTH = timedelta(hours=24)
#: The setting that holds the report hour, and its default.
SETTING, DEFAULT_HOUR = "ATDB_REPORT_HOUR", 8


def report_hour(environment: Mapping[str, str] = os.environ) -> int:
    """Return the hour, in UTC, at which a night ends. Raises ValueError if the setting is not an hour."""
    given = environment.get(SETTING) or str(DEFAULT_HOUR)
    if not (given.isascii() and given.isdecimal()) or int(given) > 23:
        raise ValueError(f"{SETTING} must be an hour from 0 to 23, not {given!r}")
    return int(given)


@dataclass(frozen=True)
class Night:
    """A night, from `begins` (included) to `ends` (not included)."""

    begins: datetime
    ends: datetime

    @property
    def day(self) -> date:
        """Return the day on which the night begins, which is its name."""
        return self.begins.date()

    @classmethod
    def of(cls, day: date, hour: int) -> Self:
        """Return the night that begins on a day at the report hour."""
        begins = datetime.combine(day, time(hour), UTC)
        return cls(begins, begins + LENGTH)

    @classmethod
    def named(cls, day: str, hour: int) -> Self:
        """Return the night that begins on a day such as `2026-11-25`. Raises ValueError for any other text."""
        if not re.fullmatch(DAY_PATTERN, day):
            raise ValueError(f"{day!r} is not a day such as 2026-11-25, of the years 1971 to 2198")
        return cls.of(date.fromisoformat(day), hour)

    @classmethod
    def last(cls, now: datetime, hour: int) -> Self:
        """Return the last night that has ended."""
        ended = cls.of(now.astimezone(UTC).date() - LENGTH, hour)
        return ended if ended.ends <= now else cls.of(ended.day - LENGTH, hour)
