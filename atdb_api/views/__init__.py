"""The REST API below `/atdb/`: each view calls a service and returns the answer; see rest/endpoint.py."""

from flask import Blueprint, Flask, request
from sqlalchemy.orm import Session

from atdb_api.rest import resources
from atdb_api.rest.endpoint import endpoint
from atdb_api.views import (
    claims,
    dataproducts,
    deletion,
    disks,
    events,
    health,
    leases,
    observations,
    reports,
    services,
    sessions,
    stages,
    status,
    summary,
    tokens,
)
from atdb_api.views.resource_views import listing
from atdb_interface.roles import Capability

#: In the order of the root and the OpenAPI document.
RESOURCES: tuple[Blueprint, ...] = (
    observations.views,
    dataproducts.views,
    status.views,
    summary.views,
    listing(resources.CHANGES),
    claims.views,
    leases.views,
    stages.views,
    deletion.views,
    tokens.views,
    listing(resources.RECEIPTS),
    events.views,
    services.views,
    disks.views,
    reports.views,
)


def init_app(app: Flask) -> None:
    """Register all views."""
    atdb = Blueprint("atdb", __name__, url_prefix="/atdb")
    for views in (*RESOURCES, sessions.views, health.views):
        atdb.register_blueprint(views)

    @atdb.get("/")
    @endpoint(Capability.READ, answers=dict[str, str])
    def root(_: Session) -> dict[str, str]:
        """List the resources."""
        return {views.name: f"{request.base_url}{views.name}/" for views in RESOURCES}

    app.register_blueprint(atdb)
