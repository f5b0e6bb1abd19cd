"""Format sizes, durations and counts for sentences."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(size_bytes: int) -> str:
    """Format a size such as 4.6 TB, with decimal units."""
    value, unit = float(size_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.{0 if unit == 0 or value >= 99.95 else 1}f} {_UNITS[unit]}"


def about(seconds: float) -> str:
    """Format a duration in one unit, rounded: 1 minute, 10 minutes, 3 h, 2 days."""
    for unit, one_seconds in (("days", 86400), ("h", 3600)):
        if seconds >= 1.5 * one_seconds:
            return f"{seconds / one_seconds:.0f} {unit}"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def count_of(number: int, one: str) -> str:
    """Format a number of things: 1 failure, 2 failures, 1200 failures."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
