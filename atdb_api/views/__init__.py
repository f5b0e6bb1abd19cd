"""The REST API below `/atdb/`: each view reads the request, opens a transaction, calls a service, answers."""

from flask import Blueprint, Flask

from atdb_api.views import claims, dataproducts, health, leases, observations, status


def init_app(app: Flask) -> None:
    """Register all views."""
    atdb = Blueprint("atdb", __name__, url_prefix="/atdb")
    for module in (observations, dataproducts, status, claims, leases, health):
        atdb.register_blueprint(module.views)
    app.register_blueprint(atdb)
