"""The settings, and the file of the passwords and keys."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from standalone.credentials import Credentials
from standalone.doctor.location import Location, is_container
from standalone.doctor.results import CheckResult, failed, not_checked, warning, well
from standalone.settings import Settings, SettingsError

SETTINGS, SECRETS = "settings", "secrets"
_DOCUMENT = "docs/settings.md lists all settings"


def wrong_values(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each setting that is not valid; an empty list if all are."""
    rest, sentences = dict(environment), []
    while True:
        try:
            Settings.from_environment(rest)
        except SettingsError as error:
            sentences.append(str(error))
            # Without this variable, the next wrong one is found.
            if rest.pop(error.variable, None) is None:
                return sentences
        else:
            return sentences


def of_settings(environment: Mapping[str, str] = os.environ) -> Iterator[CheckResult]:
    """Check each setting, and whether the files that settings name exist."""
    wrong = wrong_values(environment)
    for sentence in wrong:
        yield failed(SETTINGS, sentence, f"Correct it, and start the stack again; {_DOCUMENT}.")
    for name, is_there in (("ATDB_SITE_REPORTS", Path.is_dir), ("SSL_CERT_FILE", Path.is_file)):
        path = environment.get(name)
        if path and not is_there(Path(path)):
            wrong.append(name)
            yield failed(SETTINGS, f"{name}: {path} does not exist", f"Correct it, or unset it; {_DOCUMENT}.")
    if not wrong:
        yield well(SETTINGS, "all values are valid")


def of_secrets(settings: Settings) -> tuple[Location | None, list[CheckResult]]:
    """Read the secrets. If those that tasks need are missing, there is no location for the other checks."""
    path = settings.credentials
    try:
        place = Location(settings, Credentials.read(path))
        place.tasks()
    except FileNotFoundError:
        seen = f"there is no {path}"
        return None, [failed(SECRETS, seen, "Start the stack with `make up`, or set ATDB_STATE to its folder.")]
    except KeyError as missing:
        seen = f"{path} does not have the secret {missing}, which tasks need"
        advice = "Run `docker compose exec worker atdb doctor`: the service `worker` has the required secrets."
        if not is_container(settings):
            advice = "Run `make up`: it generates the missing secrets, and changes no others."
        return None, [failed(SECRETS, seen, advice)]
    except (OSError, ValueError, AttributeError) as error:
        advice = "Correct it, or restore the copy of this file from the last backup."
        return None, [failed(SECRETS, f"{path} cannot be read: {error}", advice)]
    return place, [_permissions(place)]


def _permissions(place: Location) -> CheckResult:
    path = place.settings.credentials
    mode = path.stat().st_mode
    if place.is_container:
        seen = "they can be read; their permissions on the host are not visible here"
        return not_checked(SECRETS, seen, "On the host, run `ls -ld deploy/secrets`: it must show drwx------.")
    others = mode & (stat.S_IRWXG | stat.S_IRWXO)
    if others and path.parent.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
        seen = f"{path} has mode {stat.S_IMODE(mode):04o}: users other than its owner have access"
        rotate = "run `make down`, `make rotate-secrets` and `make up`"
        return warning(SECRETS, seen, f"Run `chmod 600 {path}`. If others may have read it, {rotate}.")
    return well(SECRETS, f"{path} has the secrets that tasks need")
