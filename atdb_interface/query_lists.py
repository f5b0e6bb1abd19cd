r"""Lists of values in the URL of a query, for the server, its OpenAPI document, the pages and the clients.

A comma separates two values. Within a value, a backslash precedes each comma and each backslash, so
`field_name__in=M31\, north,M33` has two values. A list can also be split: `field_name__in=M31&field_name__in=M33`.
"""

import re
from collections.abc import Iterable

#: The patterns of one value within a list of texts, and of such a list.
VALUE = r"([^\x00\\,]|\\[\\,])*"
PATTERN = r"^([^\x00\\]|\\[\\,])*$"

#: The lookups, and the other parameters, that take a list.
LOOKUPS = ("in", "range")
_PARAMETERS = ("fields", "group_by", "ordering", "statuses")
_PART = re.compile(r"\\(.?)|(,)|[^\\,]+", re.DOTALL)
_ESCAPED = str.maketrans({"\\": r"\\", ",": r"\,"})


def write(values: Iterable[object]) -> str:
    """Format values as a list."""
    return ",".join(str(value).translate(_ESCAPED) for value in values)


def read(text: str) -> list[str]:
    """Return the values of a list. Raises ValueError for a backslash before any other character."""
    if "\\" not in text:
        return text.split(",")
    values = [""]
    for part in _PART.finditer(text):
        if part[2]:
            values.append("")
        elif part[1] is None:
            values[-1] += part[0]
        elif part[1] in ("\\", ","):
            values[-1] += part[1]
        else:
            raise ValueError(r"in a list, a backslash is written as \\ and a comma within a value as \,")
    return values


def takes_list(parameter: str) -> bool:
    """Return whether a parameter of a query takes a list."""
    field, *lookups = parameter.split("__")
    if lookups[-1:] == ["exclude"]:
        del lookups[-1]
    return field in _PARAMETERS if not lookups else len(lookups) == 1 and lookups[0] in LOOKUPS


def merged(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters of a query. If a list was split into several parameters, they become one."""
    pairs: list[tuple[str, str]] = []
    places: dict[str, int] = {}
    for name, text in parameters:
        if takes_list(name) and name in places and _is_whole(pairs[places[name]][1]):
            pairs[places[name]] = (name, f"{pairs[places[name]][1]},{text}")
        else:
            places[name] = len(pairs)
            pairs.append((name, text))
    return pairs


def _is_whole(text: str) -> bool:
    """Return whether a list does not end with the first half of an escape."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 0


def by_name(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters of a query by their names. Raises ValueError if one is repeated that takes no list."""
    filters: dict[str, str] = {}
    for name, text in merged(parameters):
        if name in filters:
            raise ValueError(f"{name} is given twice. Only lists, such as {name.partition('__')[0]}__in, can be")
        filters[name] = text
    return filters
