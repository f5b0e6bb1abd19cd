"""The manifest of an observation in the archive: its specification, and the checksum of each file."""

import json
from dataclasses import asdict
from typing import Any

from atdb_interface.checksum import FileRecord, product_checksum
from atdb_interface.dataproducts import DataProduct
from atdb_interface.observations import Observation

#: Fields of an observation that change without a change of its specification.
_NOT_SPECIFIED = {
    "id",
    "my_status",
    "new_status",
    "status_history",
    "status_since",
    "claimed_until",
    "generated_dataproducts",
}


def make_manifest(observation: Observation, files: list[tuple[DataProduct, list[FileRecord]]]) -> bytes:
    """Return the manifest of an observation with these products and files in the archive."""
    products = [
        {
            "filename": product.filename,
            "dataproduct_type": product.dataproduct_type,
            "size": sum(record.size for record in records),
            "checksum": product_checksum(records),
            "files": [asdict(record) for record in records],
        }
        for product, records in files
    ]
    return _written({"observation": _specification(observation), "products": products})


def updated_manifest(manifest: bytes, observation: Observation) -> bytes:
    """Return a manifest with the specification of an observation.

    If no field has changed, return the same bytes.
    """
    content = json.loads(manifest)
    specification, listed = _specification(observation), content["observation"]
    if all(name in specification and specification[name] == value for name, value in listed.items()):
        return manifest
    return _written({**content, "observation": specification})


def is_of_other(manifest: bytes, observation: Observation) -> bool:
    """Return whether a manifest is of another observation with the same taskID, which was created at another time.

    ATDB assigns a taskID again if an older backup of its database is restored.
    """
    listed, specification = json.loads(manifest)["observation"], _specification(observation)
    return bool(listed.get("creationTime", specification["creationTime"]) != specification["creationTime"])


def is_manifest(content: bytes) -> bool:
    """Return whether bytes are a manifest, and not a damaged one."""
    try:
        files_in(content)
        dict(json.loads(content)["observation"])
    except (ValueError, LookupError, TypeError):
        return False
    return True


def files_in(manifest: bytes) -> dict[str, list[FileRecord]]:
    """Return the files of each product in a manifest."""
    return {
        product["filename"]: [FileRecord(**file) for file in product["files"]]
        for product in json.loads(manifest)["products"]
    }


def _specification(observation: Observation) -> dict[str, Any]:
    return observation.model_dump(mode="json", exclude=_NOT_SPECIFIED)


def _written(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
