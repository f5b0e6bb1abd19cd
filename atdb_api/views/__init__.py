"""The REST API below `/atdb/`: each view reads the request, opens a transaction, calls a service, answers."""

from flask import Blueprint, Flask, request

from atdb_api.views import claims, dataproducts, health, leases, observations, status

RESOURCES = (observations, dataproducts, status, claims, leases)


def init_app(app: Flask) -> None:
    """Register all views."""
    atdb = Blueprint("atdb", __name__, url_prefix="/atdb")
    for module in (*RESOURCES, health):
        atdb.register_blueprint(module.views)

    @atdb.get("/")
    def root() -> dict[str, str]:
        """List the resources."""
        return {module.views.name: f"{request.base_url}{module.views.name}/" for module in RESOURCES}

    app.register_blueprint(atdb)
