"""`/atdb/health`: is ATDB able to answer?"""

from flask import Blueprint
from sqlalchemy import text

from atdb_api.database import transaction

views = Blueprint("health", __name__)


@views.get("/health/")
def health() -> dict[str, str]:
    """Answer ok where the database answers."""
    with transaction() as session:
        session.execute(text("select 1"))
    return {"status": "ok"}


health.is_open = True  # type: ignore[attr-defined]
