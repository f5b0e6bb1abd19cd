"""The methods of observations."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from atdb_interface.actions import Action
from atdb_interface.bulk import BulkAnswer, ObservationBulk
from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import Rows, once, only_if, plain, read, read_row, whole_items
from atdb_interface.errors import NotFound
from atdb_interface.observations import NewObservation, Observation, Why


class AsyncObservationMethods(AsyncMethods):
    """Read and change observations."""

    async def create_observation(self, new: NewObservation | Mapping[str, Any]) -> Observation:
        """Submit a specification. Raises Duplicate if an observation has the same mode, field and start."""
        return read(Observation, await self._ask("POST", "observations/", json=plain(new), headers=once()))

    async def observation(self, task_id: str, **filters: Any) -> Observation:
        """Get one observation by its taskID. With `as_of=`, its status is that of this moment. Raises NotFound."""
        params = whole_items({"taskID": task_id, "cursor": "", **filters})
        for row in read(Rows, await self._ask("GET", "observations/", params=params)).results:
            return read_row(Observation, row)
        raise NotFound(f"No observation has taskID {task_id}. Check the taskID.")

    async def observation_by_id(self, observation_id: int) -> Observation:
        """Get one observation by its id. Raises NotFound."""
        observation, _ = await self.observation_with_etag(observation_id)
        return observation

    async def observation_with_etag(self, observation_id: int) -> tuple[Observation, str]:
        """Get one observation by its id, and its ETag for `if_match`. Raises NotFound."""
        answer = await self._ask("GET", f"observations/{observation_id}/")
        return read(Observation, answer), answer.headers["ETag"]

    def observations(self, **filters: Any) -> AsyncIterator[Observation]:
        """Yield the observations that match, for example `observations(my_status="valid")`."""
        return self._list("observations/", Observation, filters)

    async def count_observations(self, **filters: Any) -> int:
        """Return the number of observations that match."""
        return await self._connection.count("observations/", filters)

    async def change_observation(
        self, observation_id: int, *, if_match: str | None = None, **fields: Any
    ) -> Observation:
        """Change some fields, or request a move by `new_status`.

        With `if_match`, raises PreconditionFailed if the observation no longer has that ETag. If an answer was
        lost, this request itself may have changed the observation: read it again.
        """
        path, headers = f"observations/{observation_id}/", only_if(if_match)
        return read(Observation, await self._ask("PATCH", path, json=plain(fields), headers=headers))

    async def act(self, task_id: str, action: Action, *, reason: str = "") -> Observation:
        """Request an action, such as a hold, for an observation, even if an owner works on it.

        Raises ForbiddenMove if the action is not possible. If the answer to an earlier request was lost, that
        request may have done it.
        """
        observation = await self.observation(task_id)
        return await self.change_observation(observation.id, action=action, reason=reason)

    async def why(self, task_id: str) -> Why:
        """Return the reason why the status of an observation does not change. Raises NotFound."""
        observation = await self.observation(task_id)
        return read(Why, await self._ask("GET", f"observations/{observation.id}/why/"))

    async def preview_observations(self, ask: ObservationBulk) -> BulkAnswer:
        """Return what a change of all observations that match would do, without changing anything."""
        return await self._preview("observations/bulk/", ask)

    async def change_observations(self, ask: ObservationBulk, token: str) -> BulkAnswer:
        """Change all observations that match, as previewed with this token. Raises SetChanged."""
        return await self._carry_out("observations/bulk/", ask, token)

    async def delete_observation(self, observation_id: int, *, if_match: str | None = None) -> None:
        """Delete an observation that was never started."""
        await self._ask("DELETE", f"observations/{observation_id}/", headers=only_if(if_match))
