"""Fixtures with a real ATDB and a real Airflow API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest

from atdb_interface.client.async_client import AsyncClient
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.airflow_api import AsyncAirflowClient
from tests.airflow_serving import Airflow
from tests.archive_servers import object_store
from tests.conftest import SECRETS

Result = TypeVar("Result")
Observe = Callable[..., Observation]
#: Each observation is on another day, so that no other test has its taskID.
_DAYS = count()


@pytest.fixture
def airflow(airflow_server: Airflow) -> Airflow:
    return airflow_server


@pytest.fixture
def observed(observe: Observe) -> Observe:
    """Create an observation whose taskID no other test has."""

    def make(status: Status = Status.DEFINED, **fields: Any) -> Observation:
        day = datetime(2030, 1, 1, 6, tzinfo=UTC) + timedelta(days=next(_DAYS))
        return observe(status, **{"starttime": day.isoformat(), **fields})

    return make


class Speaking:
    """Run coroutines with clients of ATDB and of Airflow, as the listener has them."""

    def __init__(self, atdb_url: str, airflow_url: str, password: str) -> None:
        self.atdb_url, self.airflow_url, self.password = atdb_url, airflow_url, password

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[tuple[AsyncClient, AsyncAirflowClient]]:
        atdb = AsyncClient(self.atdb_url, user="pipeline", secret=SECRETS["pipeline"], patience=0)
        async with atdb, AsyncAirflowClient(self.airflow_url, "listen", self.password) as airflow:
            yield atdb, airflow

    def run(self, work: Callable[[AsyncClient, AsyncAirflowClient], Awaitable[Result]]) -> Result:
        async def with_clients() -> Result:
            async with self.clients() as (atdb, airflow):
                return await work(atdb, airflow)

        return asyncio.run(with_clients())


@pytest.fixture
def speaking(url: str, airflow: Airflow) -> Speaking:
    return Speaking(url, airflow.url, airflow.listen_password)


@pytest.fixture(scope="session")
def s3_options() -> Iterator[dict[str, Any]]:
    """The storage options of an object store that runs."""
    with object_store() as options:
        yield options


# These use the fixture above, and are in a module of their own.
from tests.plugins.archives import archive, local, source  # noqa: E402, F401
