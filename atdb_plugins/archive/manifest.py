"""The manifest of an observation in the archive: its specification, and the checksum of each file."""

import json
from dataclasses import asdict

from atdb_interface.checksum import FileRecord, product_checksum
from atdb_interface.dataproducts import DataProduct
from atdb_interface.observations import Observation


def make_manifest(observation: Observation, files: list[tuple[DataProduct, list[FileRecord]]]) -> bytes:
    """Return the manifest of an observation with these products and files in the archive."""
    manifest = {
        "observation": observation.model_dump(
            mode="json",
            exclude={
                "id",
                "my_status",
                "new_status",
                "status_history",
                "status_since",
                "claimed_until",
                "generated_dataproducts",
            },
        ),
        "products": [
            {
                "filename": product.filename,
                "dataproduct_type": product.dataproduct_type,
                "size": sum(record.size for record in records),
                "checksum": product_checksum(records),
                "files": [asdict(record) for record in records],
            }
            for product, records in files
        ],
    }
    return json.dumps(manifest, indent=1).encode()


def files_in(manifest: bytes) -> dict[str, list[FileRecord]]:
    """Return the files of each product in a manifest."""
    return {
        product["filename"]: [FileRecord(**file) for file in product["files"]]
        for product in json.loads(manifest)["products"]
    }
