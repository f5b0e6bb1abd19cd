"""The migrations of the database."""

from pathlib import Path

from alembic.config import Config as AlembicConfig


def alembic_config(url: str) -> AlembicConfig:
    """Return Alembic's configuration for this package's migrations and a database."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["url"] = url
    return config
