"""The data disks: how full they are, and which files on them belong to no data product."""

import logging
import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from atdb_interface.client import Client
from atdb_interface.data_hosts import HOST_PATTERN, local_path
from atdb_interface.disks import DiskUsage
from atdb_interface.events import NewEvent
from atdb_interface.lifecycle import ProductStatus
from operators.data import reserve
from operators.data.data_disks import MARKER
from operators.data.renames import product_of_aside
from operators.data.tombstones import product_of_tombstone
from operators.reconcile.events import digest, disagreement, new_events

log = logging.getLogger(__name__)

#: Younger files may belong to products that are not in ATDB yet.
OLD = timedelta(hours=1)


def report_disks(client: Client, root: Path) -> None:
    """Report to ATDB how full the disk of each data host is."""
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not re.fullmatch(HOST_PATTERN, folder.name):
            continue
        try:
            usage = shutil.disk_usage(folder)
        except OSError as error:
            log.warning("%s: %s", folder, error)
            continue
        client.report_disk(DiskUsage(data_host=folder.name, total_bytes=usage.total, free_bytes=usage.free))


def unowned(
    client: Client, root: Path, locations: Collection[str], now: datetime, *, ends_at: float
) -> list[NewEvent]:
    """Return an event for each old file in these data locations that belongs to no product and has no event yet.

    If the time is up, the next pass continues.
    """
    folders = defaultdict(list)
    for location in locations:
        folders[local_path(root, location)].append(location)
    unowned_events: list[NewEvent] = []
    for folder, written in sorted(folders.items()):
        if folder.resolve() != folder:
            continue  # the path contains a link
        filenames = _filenames(client, written)
        names = {name for name in _old_names(folder, now) - filenames if not _is_of_atdb(name, filenames)}
        events = {name: _belongs_to_nobody(root, folder / name) for name in sorted(names)}
        new = {event.key for event in new_events(client, list(events.values()))}
        for name, event in events.items():
            if time.monotonic() > ends_at:
                return unowned_events
            if event.key in new and not _has_product(client, root, folder, name):
                unowned_events.append(event)
    return unowned_events


def _old_names(folder: Path, now: datetime) -> set[str]:
    latest = (now - OLD).timestamp()
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.stat(follow_symlinks=False).st_mtime < latest}
    except OSError as error:  # a folder that does not exist contains nothing
        log.info("%s", error)
        return set()


def _filenames(client: Client, locations: Collection[str]) -> set[str]:
    """Return the names of the products that may be in these locations now."""
    return {
        row["filename"]
        for location in locations
        for row in client.rows(
            "dataproducts", fields=["filename"], data_location=location, my_status__ne=ProductStatus.REMOVED
        )
    }


def _is_of_atdb(name: str, filenames: Collection[str]) -> bool:
    """Return whether this is a file of ATDB: of the disk, a tombstone, or a renamed product."""
    return name in (MARKER, reserve.NAME) or (product_of_aside(name) or product_of_tombstone(name)) in filenames


def _has_product(client: Client, root: Path, folder: Path, name: str) -> bool:
    """Return whether a product has this name and folder, also if it is removed. Folders are compared as paths."""
    if not name.isprintable():
        return False
    rows = client.rows("dataproducts", fields=["data_location"], filename=name)
    return any(local_path(root, row["data_location"]) == folder for row in rows)


def _belongs_to_nobody(root: Path, path: Path) -> NewEvent:
    place = path.relative_to(root)
    return disagreement(f"unowned/{digest(str(place))}", f"{str(place)!r} belongs to no data product")
