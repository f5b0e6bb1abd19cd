"""The contract of a view: which capability it needs, what it takes and what it answers.

`@endpoint(...)` opens the transaction of the request, authenticates it, reads its body, calls the view, and writes
the answer. The OpenAPI document, the table of permissions and the forms on the API's pages are generated from the
same contracts.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from flask import Response, current_app, json, request
from pydantic import BaseModel

from atdb_api.rest import auth, idempotency
from atdb_api.rest.admission import admitted
from atdb_api.rest.pagination import Answer
from atdb_api.rest.request_body import Parameter, bodies, body, refuse_other_parameters
from atdb_api.rest.resource import Resource
from atdb_api.search.filters import Columns
from atdb_interface.errors import AtdbError, PreconditionFailed
from atdb_interface.roles import Capability

View = Callable[..., Any]


@dataclass(frozen=True)
class Contract:
    """What a view takes and answers.

    `needs`: the capabilities, of which one is enough to call it; None: all clients may.
    `lists`: the answer is a page of these; `shows`: it is one of these. `takes_many`: one of `takes`, or a list.
    `by_token`: a token may be used, as a Bearer token or as a password.
    `answers_secret`: the answer is never stored, so an Idempotency-Key has no effect.
    `repeats`: a request that was done before gets the status 200.
    `parameters` and `filters`: those that the URL may have, in addition to those of a list.
    """

    needs: Capability | None
    takes: type[BaseModel] | None = None
    takes_many: bool = False
    answers: Any = None
    status: int = 200
    repeats: bool = False
    lists: Resource[Any, Any] | None = None
    shows: Resource[Any, Any] | None = None
    has_etag: bool = False
    by_token: bool = True
    answers_secret: bool = False
    parameters: tuple[Parameter, ...] = ()
    filters: Columns | None = None
    refuses: tuple[type[AtdbError], ...] = ()


def endpoint(needs: Capability | None, **options: Any) -> Callable[[View], View]:
    """Create a view from a function `(session, [body,] **parts of the URL)` that returns a model, dict or None."""
    contract = Contract(needs, **options)

    def make(view: View) -> View:
        @wraps(view)
        def run(**address: Any) -> Response:
            with admitted(contract.needs) as session:
                if not contract.by_token:
                    auth.require_password()
                if not (contract.lists or contract.shows or contract.filters):
                    refuse_other_parameters(contract.parameters)
                is_kept = request.method == "POST" and not contract.answers_secret
                kept = idempotency.recall(session) if is_kept else None
                if kept is not None:
                    return kept
                taken = (bodies if contract.takes_many else body)(contract.takes) if contract.takes else None
                result = view(session, taken, **address) if contract.takes else view(session, **address)
                response = answer(result, contract.status)
                if is_kept:
                    idempotency.keep(session, response)
                return response

        cast(Any, run).contract = contract
        return run

    return make


def contract_of(view: View | None) -> Contract | None:
    """Return the contract of a view, if it has one."""
    return getattr(view, "contract", None)


def contracts() -> dict[tuple[str, str], Contract]:
    """Return the contract of each (path, method) of the application."""
    return {
        (rule.rule, method): contract
        for rule in current_app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if (contract := contract_of(current_app.view_functions[rule.endpoint]))
    }


def answer(result: Any, status: int) -> Response:
    """Create the response to the result of a view."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status=204)
    if isinstance(result, BaseModel):
        result = result.model_dump(mode="json")
    return Response(json.dumps(result), status=status, content_type="application/json")


def with_etag(whole: BaseModel, part: Answer | None = None, *, status: int = 200) -> Response:
    """Return an item, or the part of it that was asked for, with the ETag of the whole item."""
    tag = _etag(whole)
    if request.method in auth.SAFE_METHODS and request.if_none_match.contains(tag):
        response = Response(status=304)
    else:
        response = answer(whole if part is None else part, status)
    response.set_etag(tag)
    return response


def require_match(present: Callable[[], BaseModel]) -> None:
    """Raise PreconditionFailed if `If-Match` names another state of an item than its present one."""
    if request.headers.get("If-Match") and not request.if_match.contains(_etag(present())):
        raise PreconditionFailed("The item has changed since you read it. Read it again, then retry.")


def _etag(item: BaseModel) -> str:
    return hashlib.sha256(item.model_dump_json().encode()).hexdigest()[:32]
