"""The limits of logins: how many passwords ATDB checks for a client.

A login is counted before its password is checked, so that logins at the same time do not exceed a limit. Each
account has its own count per client, so failed logins of a client do not affect the account elsewhere, and
hardly affect the other accounts behind the same IP address. A name that no account has is counted in the same way:
otherwise a client could find the names of accounts.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from atdb_api.models import FailedLogins
from atdb_api.services.accounts import LONGEST_NAME
from atdb_interface.errors import TooManyAttempts

#: After this many failed logins of a client with an account, each further login with it has to wait: twice as long
#: each time, up to a maximum. This is more than all processes check at the same time, so a client that sends the
#: right password in many requests at once is not refused.
FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 60
#: After this many failed logins of a client with all accounts, each further login of this client has to wait. An
#: account adds at most FREE_FAILURES, so a client that guesses the password of one account reaches no such limit.
FREE_FAILURES_OF_CLIENT = 50
WAIT_OF_CLIENT_SECONDS = 10
FAILURES_ARE_FORGOTTEN_AFTER = timedelta(minutes=15)
#: A provider assigns a whole network to a client with IPv6, which can use each IP address in it.
_IPV6_PREFIX = 64
_LOCK = "login attempts"


def client_of(address: str | None) -> str:
    """Return the client of an IP address, as which its failed logins are counted."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _IPV6_PREFIX << _IPV6_PREFIX)}/{_IPV6_PREFIX}"


def count(session: Session, client: str, name: str) -> None:
    """Count a login before its password is checked, and delete old counts. Raises TooManyAttempts.

    Commit before the check. Until then, no other login is counted.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0))))
    now = datetime.now(UTC)
    session.execute(delete(FailedLogins).where(FailedLogins.last_at < now - FAILURES_ARE_FORGOTTEN_AFTER))
    account = _counted_as(name)
    failed = session.scalars(select(FailedLogins).where(FailedLogins.address == client)).all()
    _refuse_hasty(now, failed, account)
    values = {"address": client, "account": account, "number": 1, "last_at": now}
    session.execute(
        insert(FailedLogins)
        .values(values)
        .on_conflict_do_update(
            index_elements=[FailedLogins.address, FailedLogins.account],
            set_={"number": FailedLogins.number + 1, "last_at": now},
        )
    )


def forget(session: Session, client: str, name: str) -> None:
    """Delete the count of a client with an account, because a login has succeeded."""
    of_account = FailedLogins.account == _counted_as(name)
    session.execute(delete(FailedLogins).where(FailedLogins.address == client, of_account))


def _counted_as(name: str) -> str:
    """Return a name as it is counted: a long one, or one that the database cannot store, as its digest."""
    if len(name) <= LONGEST_NAME and name.isprintable():
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _refuse_hasty(now: datetime, failed: Sequence[FailedLogins], account: str) -> None:
    waits_until = [now]
    of_all = 0
    for each in failed:
        of_all += min(each.number, FREE_FAILURES)
        if each.account == account and each.number >= FREE_FAILURES:
            wait = min(2 ** (each.number - FREE_FAILURES), LONGEST_WAIT_SECONDS)
            waits_until.append(each.last_at + timedelta(seconds=wait))
    if of_all >= FREE_FAILURES_OF_CLIENT:
        last_at = max(each.last_at for each in failed)
        waits_until.append(last_at + timedelta(seconds=WAIT_OF_CLIENT_SECONDS))
    left = (max(waits_until) - now).total_seconds()
    if left > 0:
        seconds = int(left) + 1
        raise TooManyAttempts(f"Too many logins have failed; wait {seconds} s, then retry.", retry_after=seconds)
