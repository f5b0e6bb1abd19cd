"""The views that every resource has: its list and, if it has details, one item."""

from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint, with_etag
from atdb_api.rest.pagination import Answer, item, page
from atdb_api.rest.resource import Resource
from atdb_interface.errors import NotFound
from atdb_interface.roles import Capability


def listing(resource: Resource[Any, Any]) -> Blueprint:
    """Create the views of a resource, beginning with its list."""
    views = Blueprint(resource.name, __name__, url_prefix=f"/{resource.name}")

    def list_(session: Session) -> Answer:
        return page(session, resource)

    list_.__doc__ = resource.about
    views.get("/")(endpoint(Capability.READ, lists=resource)(list_))
    return views


def add_detail(views: Blueprint, resource: Resource[Any, Any]) -> None:
    """Add the view of one item. The OpenAPI document has the views in the order in which they are added."""
    of = resource.detail
    if of is None:
        raise ValueError(f"{resource.name} has no details")

    def detail(session: Session, **address: int | str) -> Response | Answer:
        whole, part = item(session, resource, *address.values())
        return with_etag(whole, part) if of.has_etag else part

    detail.__doc__ = of.about
    contract = endpoint(Capability.READ, shows=resource, has_etag=of.has_etag, refuses=(NotFound,))
    views.get(f"/{of.path}/")(contract(detail))
