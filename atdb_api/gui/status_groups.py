"""The group of each status, as pages show it: with a colour and a shape of its own."""

from atdb_interface.lifecycle import PRODUCT_STATUSES, STATUSES, Group, Status

#: The statuses that both have (valid, ingesting, archived, removed) are of the same group in both.
_GROUP_OF: dict[str, Group] = {
    **{status: row.group for status, row in PRODUCT_STATUSES.items()},
    **{status: row.group for status, row in STATUSES.items()},
}


def group_of(status: str) -> Group:
    """Return the group of a status, of observations or of data products."""
    return _GROUP_OF.get(status, Group.ENDED)


def by_group() -> dict[Group, list[Status]]:
    """Return the statuses of each group, in the order of the lifecycle."""
    return {group: [status for status, row in STATUSES.items() if row.group is group] for group in Group}
