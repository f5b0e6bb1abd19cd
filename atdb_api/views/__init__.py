"""The REST API below `/atdb/`: each view calls a service and gives what is answered; see endpoint.py."""

from types import ModuleType

from flask import Blueprint, Flask, request
from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.roles import Role
from atdb_api.views import (
    changes,
    claims,
    dataproducts,
    disks,
    events,
    health,
    leases,
    observations,
    receipts,
    reports,
    services,
    sessions,
    stages,
    status,
    summary,
    tokens,
)

RESOURCES: tuple[ModuleType, ...] = (
    observations,
    dataproducts,
    status,
    summary,
    changes,
    claims,
    leases,
    stages,
    tokens,
    receipts,
    events,
    services,
    disks,
    reports,
)


def init_app(app: Flask) -> None:
    """Register all views."""
    atdb = Blueprint("atdb", __name__, url_prefix="/atdb")
    for module in (*RESOURCES, sessions, health):
        atdb.register_blueprint(module.views)

    @atdb.get("/")
    @endpoint(Role.VIEWER, answers=dict[str, str])
    def root(_: Session) -> dict[str, str]:
        """List the resources."""
        return {module.views.name: f"{request.base_url}{module.views.name}/" for module in RESOURCES}

    app.register_blueprint(atdb)
