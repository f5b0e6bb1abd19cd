"""Report to ATDB which products were deleted, several at once.

Until then, ATDB calls them archived. If the run is killed, the next one finds their tombstones and reports them.
"""

import math
import time
from types import TracebackType
from typing import Self

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import ProductStatus
from operators.data.removal import forget
from operators.lease import LeaseLostError

#: The limits of what is deleted and not reported yet.
UNREPORTED_SECONDS = 2.0
UNREPORTED_PRODUCTS = 100


class RemovalReports:
    """The reports of a run that removes the data of an observation. At the end, it reports the rest.

    It does so after an error too, unless ATDB itself has refused a request or does not respond.
    """

    def __init__(self, client: Client, atdb_task_id: str, owner: str) -> None:
        self._client, self._atdb_task_id, self._owner = client, atdb_task_id, owner
        self._deleted: list[tuple[DataProduct, ProductMove]] = []
        self._since = math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, Exception) and not isinstance(error, AtdbError | LeaseLostError)):
            self.report()

    def add(self, product: DataProduct, reason: str) -> None:
        """Add a product that was deleted. `reason`: what its receipt says, which can be empty."""
        if not self._deleted:
            self._since = time.monotonic()
        move = ProductMove(filename=product.filename, new_status=ProductStatus.REMOVED, reason=reason)
        self._deleted.append((product, move))
        self.report_if_due()

    def report_if_due(self) -> None:
        """Report if the limits are reached. This is called while data are read, which can take long."""
        is_due = len(self._deleted) >= UNREPORTED_PRODUCTS or time.monotonic() - self._since > UNREPORTED_SECONDS
        if is_due:
            self.report()

    def report(self) -> None:
        """Report what was deleted, and then delete the tombstones."""
        if self._deleted:
            moves = [move for _, move in self._deleted]
            self._client.move_products(self._atdb_task_id, moves, owner=self._owner)
        for product, _ in self._deleted:
            forget(product)
        self._deleted = []
