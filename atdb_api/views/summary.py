"""`/atdb/summary/`: the number, size and age of observations, by status and other fields."""

from flask import Blueprint, request
from sqlalchemy.orm import Session

from atdb_api.reads import summaries
from atdb_api.rest import pagination
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.request_body import Parameter
from atdb_api.search import columns, filters
from atdb_interface.roles import Capability
from atdb_interface.summary import GROUPINGS, Summary

views = Blueprint("summary", __name__, url_prefix="/summary")
_ONE = "|".join(GROUPINGS)
_GROUP_BY = Parameter(
    "group_by",
    f"Fields to group by, separated by commas: {', '.join(GROUPINGS)}. Default: my_status.",
    {"type": "string", "pattern": f"^({_ONE})(,({_ONE}))*$"},
)


@views.get("/")
@endpoint(
    Capability.READ, answers=Summary, parameters=(_GROUP_BY, pagination.AS_OF), filters=columns.OBSERVATION_COLUMNS
)
def summarise(session: Session) -> Summary:
    """Count matching observations, with their sizes and the age of the one that is longest in its status."""
    parameters = [(n, v) for n, v in request.args.items(multi=True) if n not in ("group_by", "as_of")]
    group_by = pagination.listed("group_by") or [GROUPINGS[0]]
    for name in group_by:
        if name not in GROUPINGS:
            raise filters.unreadable("group_by", f"{name[:100]!r} is not one of {', '.join(GROUPINGS)}")
    return summaries.summarise(session, list(dict.fromkeys(group_by)), parameters, pagination.moment())
