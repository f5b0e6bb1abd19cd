"""One PostgreSQL for all tests of a run, because it takes longer to start one than to run most tests."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import SHARED_POSTGRES, Postgres


@contextmanager
def shared_postgres() -> Iterator[None]:
    """Run a server, and pass it to all tests by an environment variable."""
    with tempfile.TemporaryDirectory(prefix="atdb-mutation-") as made:
        Path(made).chmod(0o755)  # PostgreSQL's account must reach its data below it
        server = Postgres(Path(made))
        server.start()
        try:
            server.prepare_template()
            os.environ[SHARED_POSTGRES] = f"{server.settings.postgres_port}:{made}"
            yield
        finally:
            os.environ.pop(SHARED_POSTGRES, None)
            server.stop()
