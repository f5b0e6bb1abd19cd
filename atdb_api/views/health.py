"""`/atdb/health`: is ATDB able to answer?"""

from flask import Blueprint
from sqlalchemy import text
from sqlalchemy.orm import Session

from atdb_api.endpoint import endpoint

views = Blueprint("health", __name__)


@views.get("/health/")
@endpoint(None, answers=dict[str, str])
def health(session: Session) -> dict[str, str]:
    """Answer ok where the database answers."""
    session.execute(text("select 1"))
    return {"status": "ok"}
