"""The archive: a file is written, read back, compared and deleted, in the way that ingest writes."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.partial_files import new_part
from atdb_plugins.archive.publication import delete, to_disk
from atdb_plugins.hooks.archive import ArchiveHook
from standalone.doctor import space
from standalone.doctor.findings import Finding, failed, well
from standalone.doctor.location import Location
from standalone.doctor.reasons import short

SUBJECT = "archive"
_SIZE_BYTES = 1 << 20
_PAUSE = "`atdb stage ingest --pause --reason archive`"
_FULL = f"Free space in the archive. Until then, pause ingest: {_PAUSE}."


def check(_: Location) -> Iterator[Finding]:
    """Test the archive that tasks use."""
    try:
        archive = ArchiveHook().archive()
        archive.require()
    except (ArchiveError, KeyError, ValueError, ImportError) as error:
        advice = (
            "Mount it, or correct the connection archive_default (AIRFLOW_CONN_ARCHIVE_DEFAULT). Until then, "
            f"pause ingest: {_PAUSE}."
        )
        yield failed(SUBJECT, str(error), advice)
        return
    where = archive.filesystem.unstrip_protocol(archive.root)
    yield _try(archive, where)
    if isinstance(archive.filesystem, LocalFileSystem):
        yield space.of(SUBJECT, Path(archive.root), _FULL)


def _try(archive: Archive, where: str) -> Finding:
    # A partial file is never mistaken for data, and no product has this name.
    probe, content = new_part(archive.root, "atdb-doctor"), secrets.token_bytes(_SIZE_BYTES)
    step = "written to"
    try:
        with archive.filesystem.open(probe, "wb") as file:
            file.write(content)
            to_disk(file)
        step = "read back from"
        archive.filesystem.invalidate_cache()
        came_back = archive.filesystem.cat_file(probe)
        step = "deleted from"
        delete(archive.filesystem, probe)
    except Exception as error:  # each of fsspec's file systems raises its own errors
        with suppress(Exception):
            delete(archive.filesystem, probe)
        return failed(SUBJECT, f"a file could not be {step} {where}: {short(error)}", _remedy(where))
    if came_back != content:
        seen = f"{where} returned other bytes than were written"
        advice = f"Pause the stages remove and ingest now ({_PAUSE}), and check the disk or store."
        return failed(SUBJECT, seen, advice)
    return well(SUBJECT, f"{where}: 1 MiB was written, read back, compared and deleted")


def _remedy(where: str) -> str:
    return (
        f"Check the free space and the permissions of {where}: the user with ID {os.getuid()} must be able to "
        f"write and delete there. Until then, pause ingest: {_PAUSE}."
    )
