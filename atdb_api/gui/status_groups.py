"""What the statuses mean to somebody who looks at a table: whether it waits, works, is done, or needs a person."""

from enum import StrEnum
from types import MappingProxyType

from atdb_interface.lifecycle import ProductStatus, Status

S, P = Status, ProductStatus


class Family(StrEnum):
    """The kinds of statuses. Each has a colour and a shape of its own."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    PERSON = "needs a person"
    ENDED = "ended"

    @property
    def key(self) -> str:
        """Name its colour and shape."""
        return "person" if self is Family.PERSON else self.value


FAMILIES: MappingProxyType[Status, Family] = MappingProxyType(
    {
        **dict.fromkeys((S.DEFINED, S.SCHEDULED, S.COMPLETING, S.VALID), Family.WAITING),
        **dict.fromkeys((S.STARTING, S.RUNNING, S.CHECKING, S.INGESTING, S.REMOVING), Family.WORKING),
        **dict.fromkeys((S.ARCHIVED, S.REMOVED), Family.DONE),  # the archive holds the data
        **dict.fromkeys((S.COMPLETED, S.INCOMPLETE, S.ON_HOLD), Family.PERSON),
        **dict.fromkeys((S.ERROR_TOO_LATE, S.ERROR_START_OBS, S.ERROR_NO_COMPLETING), Family.PERSON),
        **dict.fromkeys((S.INGEST_ERROR, S.REMOVE_ERROR), Family.PERSON),
        S.ABORTED: Family.ENDED,
    }
)
PRODUCT_FAMILIES: MappingProxyType[ProductStatus, Family] = MappingProxyType(
    {
        P.DEFINED: Family.WAITING,
        P.VALID: Family.WAITING,
        P.INGESTING: Family.WORKING,
        P.ARCHIVED: Family.DONE,
        P.REMOVED: Family.DONE,
        P.INVALID: Family.PERSON,
        P.INGEST_ERROR: Family.PERSON,
    }
)


def family_of(status: str) -> Family:
    """Tell the family of a status, of observations or of data products."""
    return _FAMILY_OF.get(status, Family.ENDED)


#: The statuses that both have (valid, ingesting, archived, removed) are of the same family in both.
_FAMILY_OF: dict[str, Family] = {
    str(status): family for status, family in (*PRODUCT_FAMILIES.items(), *FAMILIES.items())
}


def grouped() -> dict[Family, list[Status]]:
    """Give the statuses of each family, in the order of the lifecycle."""
    return {family: [status for status in Status if FAMILIES[status] is family] for family in Family}
