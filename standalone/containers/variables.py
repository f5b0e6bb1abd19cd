"""The variables of docker-compose.yaml, read as Compose does: from the environment, then from the file .env."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from standalone.settings import REPOSITORY, Settings, SettingsError

#: A line of .env. Compose allows `export`, spaces, quotes, and a comment after a space.
_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>\w+)\s*=\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<plain>.*?))(?:\s+\#.*)?\s*"""
)


def variable(name: str, folder: Path = REPOSITORY) -> str:
    """Return a variable's value, or "" if it is not set. `folder` has docker-compose.yaml and .env."""
    if name in os.environ:
        return os.environ[name]
    try:
        lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    matches = filter(None, map(_LINE.fullmatch, lines))
    known = {each["name"]: each["single"] or each["double"] or each["plain"] or "" for each in matches}
    return known.get(name, "")


def secrets_folder(folder: Path = REPOSITORY) -> Path:
    """Return the folder of the secrets."""
    return folder / (variable("ATDB_SECRETS_FOLDER", folder) or "deploy/secrets")


def public_host(folder: Path = REPOSITORY) -> str:
    """Return the host of ATDB_PUBLIC_URL; raises SettingsError if the containers cannot have that URL."""
    url = variable("ATDB_PUBLIC_URL", folder) or "https://localhost"
    return require_public_url(Settings.from_environment({"ATDB_PUBLIC_URL": url}))


def require_public_url(settings: Settings) -> str:
    """Return the host of ATDB_PUBLIC_URL; raises SettingsError if nginx does not serve ATDB at this URL."""
    url = urlsplit(settings.atdb_public_url)
    if url.scheme != "https" or url.path or not url.hostname:
        raise SettingsError(
            "ATDB_PUBLIC_URL must begin with https:// and have no path, because nginx serves ATDB at / over TLS; "
            f"not {settings.atdb_public_url!r}",
            "ATDB_PUBLIC_URL",
        )
    return url.hostname
