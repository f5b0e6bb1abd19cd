"""On whose authority a status changes."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from atdb_interface.times import LEASE_SECONDS


class Power(IntEnum):
    """How far an authority reaches; each includes those before it."""

    #: Steps of the lifecycle. Work in progress stays with its owner.
    STEP = 0
    #: Also takes work from its owner.
    STOP = 1
    #: Also changes that are no step of the lifecycle, whether or not the stage is paused.
    FORCE = 2


@dataclass(frozen=True)
class Authority:
    """The account that asks for a change of status, and what it may do.

    `owner`: the run that asks, if any; on a working status it gets the lease for `lease_seconds`.
    """

    actor: str
    owner: str | None = None
    lease_seconds: int = LEASE_SECONDS
    power: Power = Power.STEP

    @classmethod
    def of_account(cls, actor: str) -> Self:
        """Return the authority of an account that asks for a status."""
        return cls(actor)

    @classmethod
    def of_owner(cls, actor: str, owner: str | None, lease_seconds: int | None = None) -> Self:
        """Return the authority of an account that asks for a status on behalf of an owner, if it names one."""
        return cls(actor, owner, lease_seconds or LEASE_SECONDS)

    @classmethod
    def of_action(cls, actor: str) -> Self:
        """Return the authority of an action, which stops work whichever run owns it."""
        return cls(actor, power=Power.STOP)

    def forced_if(self, force: bool) -> Self:
        """Return the authority to force a change, if `force` is set; else this one."""
        return replace(self, power=Power.FORCE) if force else self

    @property
    def may_stop(self) -> bool:
        """Return whether it takes work from its owner."""
        return self.power >= Power.STOP

    @property
    def may_force(self) -> bool:
        """Return whether it makes changes that are no step of the lifecycle."""
        return self.power is Power.FORCE
