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
from standalone.doctor.location import Location
from standalone.doctor.reasons import short, without_advice
from standalone.doctor.results import CheckResult, failed, well

SUBJECT = "archive"
_SIZE_BYTES = 1 << 20


def check(place: Location) -> Iterator[CheckResult]:
    """Test the archive that tasks use."""
    try:
        archive = ArchiveHook().archive()
        archive.require()
    except (ArchiveError, KeyError, ValueError, ImportError) as error:
        advice = (
            "Mount it, or correct the connection archive_default (AIRFLOW_CONN_ARCHIVE_DEFAULT). "
            f"{_until_then(place)}"
        )
        yield failed(SUBJECT, without_advice(error), advice)
        return
    where = archive.filesystem.unstrip_protocol(archive.root)
    yield _probe(place, archive, where)
    if isinstance(archive.filesystem, LocalFileSystem):
        yield space.of(SUBJECT, Path(archive.root), f"Free space in the archive. {_until_then(place)}")


def _probe(place: Location, archive: Archive, where: str) -> CheckResult:
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
        return failed(SUBJECT, f"a file could not be {step} {where}: {short(error)}", _remedy(place, where))
    if came_back != content:
        seen = f"{where} returned other bytes than were written"
        advice = (
            f"Pause ingest and remove now, as an operator, on {_services(place)}. Then check the disk or store."
        )
        return failed(SUBJECT, seen, advice)
    return well(SUBJECT, f"{where}: 1 MiB was written, read back, compared and deleted")


def _remedy(place: Location, where: str) -> str:
    return (
        f"Check the free space and the permissions of {where}: the user with ID {os.getuid()} must be able to "
        f"write and delete there. {_until_then(place)}"
    )


def _until_then(place: Location) -> str:
    return f"Until then, pause ingest, as an operator, on {_services(place)}."


def _services(place: Location) -> str:
    return f"ATDB's page Services ({place.page('/services/')})"
