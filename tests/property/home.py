"""A folder for the files that Airflow writes during a run. Airflow reads its home when it is imported."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def airflow_home() -> Iterator[None]:
    """Set the home of Airflow to a new folder, which is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="airflow-of-a-walk-") as folder:
        os.environ["AIRFLOW_HOME"] = folder
        yield
