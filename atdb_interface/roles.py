"""The roles of accounts, and what each of them may do. No role includes another: each is a set of capabilities."""

from collections.abc import Mapping
from enum import Flag, StrEnum, auto
from types import MappingProxyType


class Capability(Flag):
    """Something that an account may do. Of several, as in `REPORT | WORK`, one is enough."""

    READ = auto()
    SPECIFY = auto()
    REPORT = auto()
    ADD_PRODUCTS = auto()
    WORK = auto()
    OPERATE = auto()
    ADMINISTER = auto()

    @property
    def label(self) -> str:
        """Return its name in documents and messages; for several, their names."""
        return " or ".join((each.name or "").lower().replace("_", " ") for each in self)


class Role(StrEnum):
    """The role of an account, which says what person or program it is for."""

    VIEWER = "viewer"
    ASTRONOMER = "astronomer"
    TELESCOPE = "telescope"
    PIPELINE = "pipeline"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needs: Capability) -> bool:
        """Return whether it has one of these capabilities."""
        return bool(needs & CAPABILITIES[self])


C = Capability
_OPERATOR = C.READ | C.SPECIFY | C.REPORT | C.ADD_PRODUCTS | C.WORK | C.OPERATE
CAPABILITIES: Mapping[Role, Capability] = MappingProxyType({
    Role.VIEWER: C.READ,
    Role.ASTRONOMER: C.READ | C.SPECIFY,
    Role.TELESCOPE: C.READ | C.REPORT | C.ADD_PRODUCTS,
    Role.PIPELINE: C.READ | C.ADD_PRODUCTS | C.WORK,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _OPERATOR | C.ADMINISTER,
})  # fmt: skip

#: What each capability allows, and what each role is for: for the documents.
ALLOWS: Mapping[Capability, str] = MappingProxyType({
    C.READ: "reads all resources and pages; creates and revokes its own tokens",
    C.SPECIFY: "creates observations; changes and withdraws its own before they start",
    C.REPORT: "reports how an observation at the telescope ended; sends heartbeats",
    C.ADD_PRODUCTS: "adds data products; without *work*, only while the telescope has the observation",
    C.WORK: "works as the stages do: claims, leases, the moves of stages, facts about data with the lease; sends "
    "heartbeats, events, disks and night reports",
    C.OPERATE: "acts on the observations of all accounts, one or many; forces moves; deletes what never had data; "
    "controls the stages and the deletion switch",
    C.ADMINISTER: "forces removals; manages the tokens of all accounts; reads the changes of accounts",
})  # fmt: skip
PURPOSES: Mapping[Role, str] = MappingProxyType({
    Role.VIEWER: "people and programs that only read",
    Role.ASTRONOMER: "people who specify observations, and their scripts",
    Role.TELESCOPE: "the telescope's data writer",
    Role.PIPELINE: "programs that do the work of the stages, such as Airflow",
    Role.OPERATOR: "people who keep the observatory running",
    Role.ADMIN: "the few people who manage access",
})  # fmt: skip


def roles_with(needs: Capability) -> str:
    """Return the roles that have one of these capabilities, as a list in a sentence."""
    *others, last = (role for role in Role if role.may(needs))
    return f"{', '.join(others)} or {last}" if others else last
