"""`make secrets`: generate the passwords and keys of the containers, and a first certificate.

FOLDER/secrets.json has all of them. Beside it, each service has a file with its part, which docker-compose.yaml
mounts into its container. Only the folder's owner can enter it; in a container, any user can read the file.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from standalone.containers import certificates
from standalone.containers.variables import public_host, secrets_folder
from standalone.credentials import Credentials, CredentialsError
from standalone.files import write_private
from standalone.settings import SettingsError

_AIRFLOW: Mapping[str, tuple[str, ...]] = {
    "airflow_keys": ("fernet_key", "jwt_secret", "secret_key"),
    "postgresql": ("airflow",),
    "redis": ("redis",),
}
#: The secrets that each service of docker-compose.yaml gets, by the sections of secrets.json.
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "migrate": {
        "atdb": ("operator", "admin", "astronomer", "airflow", "operate", "telescope"),
        "postgresql": ("postgres", "atdb_owner", "atdb", "reports", "maintenance"),
    },
    "migrate-airflow": {**_AIRFLOW, "postgresql": ("postgres", "airflow", "airflow_maintenance")},
    "atdb": {"postgresql": ("atdb",)},
    "airflow-api-server": {**_AIRFLOW, "airflow_ui": ("admin", "reconcile", "listen")},
    "airflow-scheduler": _AIRFLOW,
    "airflow-dag-processor": _AIRFLOW,
    "airflow-triggerer": {
        **_AIRFLOW,
        "airflow_ui": ("listen",),
        "atdb": ("airflow",),
        "site_connections": ("airflow_listen", "atdb_default", "telescope_default"),
    },
    "worker": {
        "airflow_ui": ("reconcile",),
        "atdb": ("airflow", "operate"),
        "postgresql": ("reports", "maintenance", "airflow_maintenance"),
        "redis": ("redis",),
        "site_connections": ("archive_default", "atdb_default", "atdb_operate", "telescope_default"),
    },
    "worker-telescope": {
        "airflow_ui": ("reconcile",),
        "atdb": ("airflow",),
        "redis": ("redis",),
        "site_connections": ("atdb_default", "telescope_default"),
    },
    "telescope": {"atdb": ("telescope",)},
}
_READABLE = 0o444  # within a folder that only its owner can enter


def write(folder: Path, host: str) -> None:
    """Generate missing secrets, and write each service's part; a new certificate is for this host."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    credentials = Credentials.prepare(folder / "secrets.json")
    for service, sections in PARTS.items():
        part = {
            section: {name: getattr(credentials, section)[name] for name in names}
            for section, names in sections.items()
            if section != "site_connections"
        }
        own = credentials.site_connections
        part["site_connections"] = {
            each: own[each] for each in sections.get("site_connections", ()) if each in own
        }
        _write(folder / f"{service}.json", json.dumps(part, indent=2))
    _write(folder / "postgres", credentials.postgresql["postgres"])
    _write(folder / "redis.conf", f"requirepass {credentials.redis['redis']}\n")
    tls = folder / "tls"
    tls.mkdir(exist_ok=True)
    if not (tls / "certificate.pem").exists() and not (tls / "key.pem").exists():
        key, certificate = certificates.self_signed(host)
        write_private(tls / "key.pem", key)
        _write(tls / "certificate.pem", certificate)


def _write(path: Path, text: str) -> None:
    write_private(path, text)
    path.chmod(_READABLE)


def main() -> None:
    """Write the folder of the argument or of ATDB_SECRETS_FOLDER, for the host in ATDB_PUBLIC_URL."""
    try:
        folder = Path(sys.argv[1]) if sys.argv[1:] else secrets_folder()
        write(folder, public_host())
    except (SettingsError, CredentialsError, OSError) as error:
        raise SystemExit(str(error)) from None
    if not (folder / "tls" / "certificate.pem").exists():
        print(
            f"{folder}/tls has key.pem but no certificate.pem. Copy the certificate there, or delete key.pem and "
            "run this again for a self-signed certificate."
        )


if __name__ == "__main__":
    main()
