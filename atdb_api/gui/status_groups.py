"""The group of each status, which has its own colour and shape on pages."""

from atdb_interface.lifecycle import STATUSES, Group, Status
from atdb_interface.product_lifecycle import PRODUCT_STATUSES

#: Statuses of both observations and products (valid, ingesting, archived, removed) have one group.
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
