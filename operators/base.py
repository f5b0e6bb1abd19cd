"""What operators share: the connection to ATDB, and what a refusal by ATDB means to Airflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.errors import Conflict, NotFound
from atdb_plugins.hooks.atdb import AtdbHook


class AtdbOperator(BaseOperator):
    """Work with ATDB through an Airflow connection."""

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def client(self) -> Client:
        """Open a client of ATDB; close it, or use it as a context manager."""
        return AtdbHook(self.atdb_conn_id).client()


@contextmanager
def skip_if_refused() -> Iterator[None]:
    """Skip the task if ATDB refuses a request: the observation does not need this run, or not now."""
    try:
        yield
    except Conflict as refusal:
        raise AirflowSkipException(str(refusal)) from refusal


@contextmanager
def fail_if_unknown() -> Iterator[None]:
    """Fail the task without another attempt if ATDB does not have what the task asks for."""
    try:
        yield
    except NotFound as missing:
        raise AirflowFailException(str(missing)) from missing
