"""The methods of data products."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from atdb_interface.bulk import BulkAnswer, DataProductBulk
from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import once, only_if, plain, read
from atdb_interface.dataproducts import (
    DataProduct,
    ForcedRemoval,
    MovedProduct,
    MovedProducts,
    Neighbour,
    Neighbours,
    NewDataProduct,
    ProductMove,
    ProductMoves,
)


class AsyncDataProductMethods(AsyncMethods):
    """Read and change data products."""

    async def create_dataproducts(self, new: Iterable[NewDataProduct | Mapping[str, Any]]) -> list[DataProduct]:
        """Create data products, all or none."""
        body = [plain(product) for product in new]
        return read(list[DataProduct], await self._ask("POST", "dataproducts/", json=body, headers=once()))

    async def dataproduct(self, product_id: int) -> DataProduct:
        """Get one data product. Raises NotFound."""
        product, _ = await self.dataproduct_with_etag(product_id)
        return product

    async def dataproduct_with_etag(self, product_id: int) -> tuple[DataProduct, str]:
        """Get one data product, and its ETag for `if_match`. Raises NotFound."""
        answer = await self._ask("GET", f"dataproducts/{product_id}/")
        return read(DataProduct, answer), answer.headers["ETag"]

    def dataproducts(self, **filters: Any) -> AsyncIterator[DataProduct]:
        """Yield the data products that match."""
        return self._list("dataproducts/", DataProduct, filters)

    async def count_dataproducts(self, **filters: Any) -> int:
        """Return the number of data products that match."""
        return await self._connection.count("dataproducts/", filters)

    async def change_dataproduct(
        self, product_id: int, *, if_match: str | None = None, **fields: Any
    ) -> DataProduct:
        """Change some fields, or request a move by `new_status`. `if_match` works as for an observation."""
        path, headers = f"dataproducts/{product_id}/", only_if(if_match)
        return read(DataProduct, await self._ask("PATCH", path, json=plain(fields), headers=headers))

    async def move_products(
        self, task_id: str, moves: list[ProductMove], *, owner: str | None = None
    ) -> list[MovedProduct]:
        """Change many products of one observation, all or none. Raises ForbiddenMove and NotOwner."""
        ask = ProductMoves(taskID=task_id, owner=owner, moves=moves)
        return read(MovedProducts, await self._ask("POST", "dataproducts/moves/", json=plain(ask))).results

    async def neighbours(self, observation_id: int) -> list[Neighbour]:
        """Return the products of other observations whose data are with those of this one. Raises NotFound."""
        path = f"observations/{observation_id}/neighbours/"
        return read(Neighbours, await self._ask("GET", path)).results

    async def preview_dataproducts(self, ask: DataProductBulk) -> BulkAnswer:
        """Return what a change of all data products that match would do, without changing anything."""
        return await self._preview("dataproducts/bulk/", ask)

    async def change_dataproducts(self, ask: DataProductBulk, token: str) -> BulkAnswer:
        """Change all data products that match, as previewed with this token. Raises SetChanged."""
        return await self._carry_out("dataproducts/bulk/", ask, token)

    async def force_removal(self, product_id: int, reason: str) -> DataProduct:
        """Allow the removal of a product without a verified copy in the archive; for admins. Raises NotFound."""
        path = f"dataproducts/{product_id}/force_removal/"
        return read(DataProduct, await self._ask("POST", path, json=plain(ForcedRemoval(reason=reason))))

    async def delete_dataproduct(self, product_id: int, *, if_match: str | None = None) -> None:
        """Delete a data product that never had data."""
        await self._ask("DELETE", f"dataproducts/{product_id}/", headers=only_if(if_match))
