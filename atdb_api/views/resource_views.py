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
    item_view = resource.detail
    if item_view is None:
        raise ValueError(f"{resource.name} has no details")

    def detail(session: Session, **address: int | str) -> Response | Answer:
        whole, part = item(session, resource, *address.values())
        return with_etag(whole, part) if item_view.has_etag else part

    detail.__doc__ = item_view.about
    contract = endpoint(Capability.READ, shows=resource, has_etag=item_view.has_etag, refuses=(NotFound,))
    views.get(f"/{item_view.path}/")(contract(detail))
