"""The methods of what ATDB has recorded: changes, receipts, events and night reports."""

from collections.abc import AsyncIterator, Collection, Iterable
from datetime import date
from typing import Any

from atdb_interface.changes import Change
from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import day, once, parameters, plain, read
from atdb_interface.events import Event, NewEvent
from atdb_interface.night_reports import NightReport, StoredReport
from atdb_interface.receipts import Receipt
from atdb_interface.summary import Summary


class AsyncRecordMethods(AsyncMethods):
    """Read the records of ATDB, and add events and night reports."""

    async def summary(self, group_by: str | Collection[str] = "my_status", **filters: Any) -> Summary:
        """Return the numbers, sizes and ages of the observations that match, grouped by some fields."""
        params = parameters({"group_by": group_by, **filters})
        return read(Summary, await self._ask("GET", "summary/", params=params))

    def changes(self, **filters: Any) -> AsyncIterator[Change]:
        """Yield the changes other than changes of status, such as edits and deletions."""
        return self._list("changes/", Change, filters)

    def receipts(self, **filters: Any) -> AsyncIterator[Receipt]:
        """Yield the receipts of data products that were removed from the data hosts."""
        return self._list("receipts/", Receipt, filters)

    def events(self, **filters: Any) -> AsyncIterator[Event]:
        """Yield the events, oldest first."""
        return self._list("events/", Event, filters)

    async def raise_events(self, new: Iterable[NewEvent]) -> list[Event]:
        """Raise events for operators, and return those with a new key."""
        body = [plain(event) for event in new]
        return read(list[Event], await self._ask("POST", "events/", json=body, headers=once()))

    def night_reports(self, **filters: Any) -> AsyncIterator[StoredReport]:
        """Yield the main figures of the stored night reports, the newest first."""
        return self._list("reports/", StoredReport, filters)

    async def night_report(self, night: date | str) -> NightReport:
        """Return the report of the night that begins on a day, such as `"2019-04-05"`. Raises NotFound."""
        return read(NightReport, await self._ask("GET", f"reports/{day(night)}/"))

    async def store_night_report(self, report: NightReport) -> NightReport:
        """Store the report of a night, and return the one that is stored.

        If the night already has a report, return that report: it never changes. Raises Conflict while the night
        has not ended.
        """
        return read(NightReport, await self._ask("POST", "reports/", json=plain(report)))
