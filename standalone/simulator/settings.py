"""The settings of the simulator, from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from standalone import settings as stack


@dataclass(frozen=True)
class Settings:
    """The simulator's settings: its port, the size and place of its data products, and its account in ATDB.

    With a speedup of 60, an observation of one hour ends one minute after its start.
    """

    port: int
    speedup: float
    product_bytes: int
    data_root: Path
    state: Path
    atdb_url: str
    atdb_user: str | None = None
    atdb_secret: str | None = field(default=None, repr=False)
    listen: str = stack.HOST

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings, with the defaults of the stack. Raises SettingsError."""
        common = stack.Settings.from_environment(environment)
        return cls(
            listen=common.listen,
            port=common.telescope_port,
            speedup=common.telescope_speedup,
            product_bytes=common.product_bytes,
            data_root=Path(environment.get("ATDB_DATA_ROOT") or common.data).absolute(),
            state=Path(environment.get("TELESCOPE_STATE") or common.telescope_state).absolute(),
            atdb_url=environment.get("ATDB_URL") or common.atdb_url,
            atdb_user=environment.get("ATDB_USER") or None,
            atdb_secret=environment.get("ATDB_SECRET") or None,
        )
