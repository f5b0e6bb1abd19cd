# Generated from async_methods/dataproducts.py by `make format`. Change that file.
"""The methods of data products."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from atdb_interface.bulk import BulkAnswer, DataProductBulk
from atdb_interface.client.exchange import once, only_if, plain, read
from atdb_interface.client.sync_methods.base import Methods
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


class DataProductMethods(Methods):
    """Read and change data products."""

    def create_dataproducts(self, new: Iterable[NewDataProduct | Mapping[str, Any]]) -> list[DataProduct]:
        """Create data products, all or none."""
        body = [plain(product) for product in new]
        return read(list[DataProduct], self._ask("POST", "dataproducts/", json=body, headers=once()))

    def dataproduct(self, product_id: int) -> DataProduct:
        """Get one data product. Raises NotFound."""
        product, _ = self.dataproduct_with_etag(product_id)
        return product

    def dataproduct_with_etag(self, product_id: int) -> tuple[DataProduct, str]:
        """Get one data product, and its ETag for `if_match`. Raises NotFound."""
        answer = self._ask("GET", f"dataproducts/{product_id}/")
        return read(DataProduct, answer), answer.headers["ETag"]

    def dataproducts(self, **filters: Any) -> Iterator[DataProduct]:
        """Yield the data products that match."""
        return self._list("dataproducts/", DataProduct, filters)

    def count_dataproducts(self, **filters: Any) -> int:
        """Return the number of data products that match."""
        return self._connection.count("dataproducts/", filters)

    def change_dataproduct(self, product_id: int, *, if_match: str | None = None, **fields: Any) -> DataProduct:
        """Change some fields, or request a move by `new_status`. `if_match` works as for an observation."""
        path, headers = f"dataproducts/{product_id}/", only_if(if_match)
        return read(DataProduct, self._ask("PATCH", path, json=plain(fields), headers=headers))

    def move_products(
        self, task_id: str, moves: list[ProductMove], *, owner: str | None = None
    ) -> list[MovedProduct]:
        """Change many products of one observation, all or none. Raises ForbiddenMove and NotOwner."""
        ask = ProductMoves(taskID=task_id, owner=owner, moves=moves)
        return read(MovedProducts, self._ask("POST", "dataproducts/moves/", json=plain(ask))).results

    def neighbours(self, observation_id: int) -> list[Neighbour]:
        """Return the products of other observations whose data are with those of this one. Raises NotFound."""
        path = f"observations/{observation_id}/neighbours/"
        return read(Neighbours, self._ask("GET", path)).results

    def preview_dataproducts(self, ask: DataProductBulk) -> BulkAnswer:
        """Return what a change of all data products that match would do, without changing anything."""
        return self._preview("dataproducts/bulk/", ask)

    def change_dataproducts(self, ask: DataProductBulk, token: str) -> BulkAnswer:
        """Change all data products that match, as previewed with this token. Raises SetChanged."""
        return self._carry_out("dataproducts/bulk/", ask, token)

    def force_removal(self, product_id: int, reason: str) -> DataProduct:
        """Allow the removal of a product without a verified copy in the archive; for admins. Raises NotFound."""
        path = f"dataproducts/{product_id}/force_removal/"
        return read(DataProduct, self._ask("POST", path, json=plain(ForcedRemoval(reason=reason))))

    def delete_dataproduct(self, product_id: int, *, if_match: str | None = None) -> None:
        """Delete a data product that never had data."""
        self._ask("DELETE", f"dataproducts/{product_id}/", headers=only_if(if_match))
