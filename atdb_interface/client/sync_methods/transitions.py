# Generated from async_methods/transitions.py by `make format`. Change that file.
"""The methods of moves and history."""

from collections.abc import Collection, Iterator
from typing import Any

from atdb_interface.client.exchange import plain, read
from atdb_interface.client.sync_methods.base import Methods
from atdb_interface.lifecycle import Status
from atdb_interface.transitions import Move, Transition


class TransitionMethods(Methods):
    """Move observations, and read their history."""

    def move(
        self,
        task_id: str,
        status: Status,
        *,
        expect: Collection[Status] | None = None,
        owner: str | None = None,
        lease_seconds: int | None = None,
        reason: str = "",
        force: bool = False,
    ) -> Transition:
        """Move an observation, and return the transition that led to the status.

        If the observation already has the status, the move changes nothing. Raises ForbiddenMove, and NotOwner if
        another owner works on it. An operator can `force` a move, with a `reason`.
        """
        ask = Move(
            taskID=task_id,
            name=status,
            expect=list(expect) if expect is not None else None,
            owner=owner,
            lease_seconds=lease_seconds,
            reason=reason,
            force=force,
        )
        return read(Transition, self._ask("POST", "status/", json=plain(ask)))

    def history(self, **filters: Any) -> Iterator[Transition]:
        """Yield transitions, oldest first, for example `history(taskID="190405034")`."""
        return self._list("status/", Transition, filters)
