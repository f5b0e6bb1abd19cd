"""`Idempotency-Key` on a POST: a repeated request only gets the first answer, and changes nothing.

The answer is stored in the transaction that does the work, so there is never one without the other. Only answers
of successful requests are stored. If a refused request is repeated, it is checked again.
"""

import hashlib
import re

from flask import Response, g, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.models import KeptAnswer
from atdb_api.rest import auth
from atdb_interface.errors import BadRequest, KeyReused

HEADER = "Idempotency-Key"
KEY_PATTERN = r"^[!-~]([ -~]{0,198}[!-~])?$"


def recall(session: Session) -> Response | None:
    """Return the answer stored for this account's key; None if the key is new, or there is none.

    The key is locked until the transaction ends: if two equal requests come at once, the second gets the answer of
    the first. Raises KeyReused if the key came with another request.
    """
    key = request.headers.get(HEADER)
    if key is None or "login" not in g:
        return None
    if not re.fullmatch(KEY_PATTERN, key):
        raise BadRequest(f"{HEADER}: must be 1 to 200 printable ASCII characters")
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{auth.actor()}\n{key}", 1))))
    kept = session.get(KeptAnswer, (auth.actor(), key))
    if kept is None:
        return None
    if kept.request_sha256 != _fingerprint():
        raise KeyReused(f"{HEADER} {key!r} came with another request before. Use a new key.")
    response = Response(kept.body, status=kept.status, content_type="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    return response


def keep(session: Session, response: Response) -> None:
    """Store the answer to a request that came with a key; the DAG maintenance deletes it after a day or more."""
    key = request.headers.get(HEADER)
    if key is None or "login" not in g or not response.is_json:
        return
    session.add(
        KeptAnswer(
            account=auth.actor(),
            key=key,
            request_sha256=_fingerprint(),
            status=response.status_code,
            body=response.get_data(as_text=True),
        )
    )


def _fingerprint() -> str:
    return hashlib.sha256(request.full_path.encode() + b"\n" + request.get_data()).hexdigest()
