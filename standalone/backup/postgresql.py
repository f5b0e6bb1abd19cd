"""Run PostgreSQL's own programs against the server of an installation: psql, pg_dump and pg_restore."""

import csv
import os
import subprocess
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation

#: The name of a backup's sessions on the server, also of those that a killed backup has left.
APPLICATION_NAME = "atdb-backup"
_ADVICE = "Check PostgreSQL's log, then run the command again."
_BLOCK_BYTES = 1 << 20
_LOCK_PATIENCE_MILLISECONDS = 60_000


class Session:
    """One session of psql; its transactions stay open between statements."""

    def __init__(self, installation: Installation, database: str, role: str = "postgres") -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._psql = _start(
            installation,
            "psql",
            ["--no-psqlrc", "--quiet", "--csv", "--tuples-only", "--set=ON_ERROR_STOP=1"],
            database=database,
            role=role,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def execute(self, statement: str) -> list[list[str]]:
        """Execute a statement and return its rows as text; raises BackupError with the server's message."""
        assert self._psql.stdin  # noqa: S101 - it is a pipe
        assert self._psql.stdout  # noqa: S101
        end = uuid.uuid4().hex
        try:
            self._psql.stdin.write(f"{statement};\n\\echo {end}\n".encode())
            self._psql.stdin.flush()
        except BrokenPipeError:
            self._fail()
        lines = []
        while (line := self._psql.stdout.readline().decode()).rstrip("\r\n") != end:
            if not line:
                self._fail()
            lines.append(line)
        return list(csv.reader(lines))

    def _fail(self) -> None:
        self._psql.wait()
        raise BackupError(f"psql failed: {_text(self._errors)}\n{_ADVICE}")

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        self._psql.communicate()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def dump(
    installation: Installation, database: str, role: str, *, snapshot: str, excluded: tuple[str, ...], path: Path
) -> None:
    """Write a database, as of the snapshot of an open transaction, to a new file, and synchronise it to disk.

    Raises BackupError if pg_dump fails, and OSError if the file cannot be written.
    """
    options = [
        *("--format=custom", f"--snapshot={snapshot}", f"--lock-wait-timeout={_LOCK_PATIENCE_MILLISECONDS}"),
        *(f"--exclude-schema={schema}" for schema in excluded),
    ]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors, path.open("xb") as written:
        path.chmod(0o600)
        program = _start(
            installation, "pg_dump", options, database=database, role=role, stdout=subprocess.PIPE, stderr=errors
        )
        assert program.stdout  # noqa: S101 - it is a pipe
        try:
            while block := program.stdout.read(_BLOCK_BYTES):
                written.write(block)
            written.flush()
            os.fsync(written.fileno())
        finally:
            program.stdout.close()  # if the file cannot be written, this ends pg_dump
            code = program.wait()
        if code:
            raise BackupError(f"pg_dump of {database} failed: {_text(errors)}\n{_ADVICE}")


def restore(installation: Installation, database: str, role: str, path: Path) -> None:
    """Fill an empty database from a dump, as its owner. The owner then owns all of it; no other role gets a right.

    Constraints and views can run code while they are created. With the owner's login, this code has the owner's
    rights, not the superuser's. Raises BackupError if pg_restore fails.
    """
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors, path.open("rb") as dumped:
        program = _start(
            installation, "pg_restore", options, database=database, role=role, stdin=subprocess.PIPE, stderr=errors
        )
        assert program.stdin  # noqa: S101 - it is a pipe
        try:
            while block := dumped.read(_BLOCK_BYTES):
                program.stdin.write(block)
        except BrokenPipeError:
            pass  # pg_restore has failed, and its message is in `errors`
        finally:
            with suppress(BrokenPipeError):
                program.stdin.close()
            code = program.wait()
        if code:
            raise BackupError(f"pg_restore of {path} failed: {_text(errors)}\n{_ADVICE}")


def _start(
    installation: Installation,
    program: str,
    options: list[str],
    *,
    database: str,
    role: str,
    stderr: IO[str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    connection = f"dbname={database} user={role} application_name={APPLICATION_NAME}"
    command, environment = installation.program(program, connection, role)
    return subprocess.Popen(
        [*command, *options], env=environment, cwd=installation.folder, stdin=stdin, stdout=stdout, stderr=stderr
    )


def _text(errors: IO[str]) -> str:
    errors.seek(0)
    return errors.read().strip() or "no message"
