"""Recognise the archive into which ATDB has archived data, before ingest writes into it."""

from itertools import islice
from typing import Any

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.identity import MARKER

#: In an archive of an earlier version, a copy is searched for among this number of products.
CANDIDATES = 100


def known_identity(client: Client, archive: Archive, atdb_task_id: str) -> str:
    """Return the identity of an archive. Raises ArchiveError if it is not the one that ATDB knows.

    An archive without an identity receives one in two cases: ATDB has archived nothing yet, or all copies are of
    earlier versions and this archive holds one of them. `atdb_task_id`: the observation that is ingested; its own
    copies prove nothing, because an interrupted attempt can have written them into the wrong folder.
    """
    present = archive.identity()
    if present is not None and (present.is_declared or _has(client, archive_identity=present.name)):
        return present.name
    if _has(client, archive_copy__isnull=False):
        is_recorded = _has(client, archive_identity__isnull=False)
        if is_recorded or not _holds_a_copy(client, archive, atdb_task_id):
            raise _unknown(archive, present.name if present else None)
    return (present or archive.create_identity()).name


def _has(client: Client, **filters: Any) -> bool:
    return any(client.rows("dataproducts", fields=("id",), ordering="-id", page_size=1, **filters))


def _holds_a_copy(client: Client, archive: Archive, atdb_task_id: str) -> bool:
    """Return whether an archive holds what ATDB has archived: the smallest copy of the right size is read."""
    copies = client.dataproducts(
        archive_copy__isnull=False, taskID__ne=atdb_task_id, ordering="-id", page_size=CANDIDATES
    )
    smallest_first = sorted(islice(copies, CANDIDATES), key=lambda copy: copy.size or 0)
    return any(_is_stored(archive, product) for product in smallest_first)


def _is_stored(archive: Archive, product: DataProduct) -> bool:
    if product.checksum is None or product.size is None:
        return False
    try:
        archive.folder([product]).verify(product.filename, product.checksum, size=product.size)
    except CodedError:
        return False
    return True


def _unknown(archive: Archive, identity: str | None) -> ArchiveError:
    has = f"has the identity {identity}, which ATDB does not know" if identity else "has no identity"
    return ArchiveError(
        ReasonCode.OTHER_ARCHIVE,
        f"ATDB has archived data before, but the archive at {archive.root} {has}. Mount its disk. If the archive "
        f"was moved, copy its file {MARKER} as well. If it is a new archive, write the word new into this file.",
    )
