"""The variables of docker-compose.yaml, read as Compose does: from the environment, then from the file .env."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from standalone.settings import REPOSITORY, Settings


def variable(name: str, folder: Path = REPOSITORY) -> str:
    """Return a variable's value, or "" if it is not set. `folder` has docker-compose.yaml and .env."""
    if name in os.environ:
        return os.environ[name]
    try:
        lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    known = dict(line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return known.get(name, "").strip().strip("'\"")


def secrets_folder(folder: Path = REPOSITORY) -> Path:
    """Return the folder of the secrets."""
    return folder / (variable("ATDB_SECRETS_FOLDER", folder) or "deploy/secrets")


def public_host(folder: Path = REPOSITORY) -> str:
    """Return the host of ATDB_PUBLIC_URL; raises SettingsError if that is not a URL."""
    name = "ATDB_PUBLIC_URL"
    address = Settings.from_environment({name: variable(name, folder)}).atdb_public_url
    return urlsplit(address or "https://localhost").hostname or ""
