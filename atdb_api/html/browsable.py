"""The answers of the API as pages for browsers, with links, filters, and forms for what the user may do."""

from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from atdb_api.database import transaction
from atdb_api.html import layout, login_page
from atdb_api.html.action_forms import Form, forms, typed
from atdb_api.html.json_links import cell, pretty
from atdb_api.rest import auth, pagination
from atdb_api.rest.endpoint import Contract, contract_of
from atdb_api.rest.negotiation import wants_page
from atdb_api.rest.request_body import FORM
from atdb_api.rest.resource import Resource
from atdb_api.search.filters import LOOKUPS, Related
from atdb_interface.errors import AtdbError

_METHODS = ("GET", "POST", "PATCH", "DELETE")
_FILTER = ("_field", "_lookup", "_not", "_value")
_PLACE = ("page", "cursor")
Page = dict[str, Any]


def init_app(app: Flask) -> None:
    """Answer browsers with pages."""
    layout.init_app(app)
    app.before_request(_add_filter)
    app.after_request(_as_page)


def _as_page(response: Response) -> Response:
    if not wants_page():
        return response
    if request.mimetype == FORM and response.status_code < 300 and (address := _result(response)):
        return layout.see_other(request.script_root + address)
    if response.is_json:
        response.set_data(_page_body(response))
        response.content_type = "text/html; charset=utf-8"
        del response.headers["ETag"]  # it is the ETag of the JSON
    return response


def _result(response: Response) -> str | None:
    """Return the URL of the page that follows a form, so that a reload does not send it again; or None."""
    path = request.path.rstrip("/")
    if request.method == "DELETE":
        return path.rpartition("/")[0] + "/"
    if request.method == "PATCH":
        return path + "/"
    made = response.get_json()
    address = f"{path}/{made['id']}/" if isinstance(made, dict) and "id" in made else ""
    return address if "GET" in _contracts_at(address) else None


def _page_body(response: Response) -> str:
    answer = response.get_json()
    problem = answer if response.mimetype == "application/problem+json" else None
    if problem and (response.status_code == 401 or _is_login()):
        return _login(response, problem)
    contracts = _contracts_at(request.path)
    reads = contracts.get("GET")
    resource = request.path.strip("/").split("/")[1:2]
    of_items = _contracts_at(f"/atdb/{resource[0]}/1/") if resource else {}
    resource_name = resource[0] if resource and "GET" in of_items else None
    context: Page = {}
    if reads and (reads.lists or reads.filters) and request.method in auth.SAFE_METHODS:
        context |= _filters(reads)
    if reads and reads.lists and not problem and request.method in auth.SAFE_METHODS:
        context["table"] = _table(reads.lists, answer["results"], resource_name)
        context["removable"] = "DELETE" in of_items and resource_name is None
    return render_template(
        "answer.html",
        status=response.status,
        answer=answer,
        problem=problem,
        body=pretty(answer, resource_name),
        crumbs=_crumbs(),
        about=_about(request.method),
        json_address=_address(format="json") if reads else None,
        forms=_forms(contracts, answer, problem, response.status_code),
        **context,
    )


def _login(response: Response, problem: Page) -> str:
    """Return the login page, for a request that requires a login."""
    if response.status_code == 401:
        login_page.keep_basic_away(response)
    if _is_login():
        given = typed()
        return login_page.write(given.get("next", ""), problem, given.get("name", ""))
    reads = "GET" in _contracts_at(request.path)
    address = layout.here() if request.method in auth.SAFE_METHODS else layout.path()
    return login_page.write_for(response, address if reads else layout.START)


def _is_login() -> bool:
    return request.endpoint == "atdb.sessions.log_in"


def _forms(contracts: dict[str, Contract], answer: Page, problem: Page | None, status: int) -> list[Form]:
    is_look = request.method in auth.SAFE_METHODS
    if "as_of" in request.args or (not is_look and "login" not in g):  # a forged form is not shown again
        return []
    reads = contracts.get("GET")
    item: Page | None = None
    if reads and reads.shows and status < 500:
        item = answer if is_look and not problem else None if is_look else _present(reads.shows)
        if item is None:
            return []
    return forms(contracts, layout.visitor(), item, problem, _about("POST"))


def _present(resource: Resource[Any, Any]) -> Page | None:
    """Read the item that a form failed to change."""
    try:
        with transaction(read_only=True) as session:
            return pagination.item(session, resource, next(iter((request.view_args or {}).values())))[1]
    except AtdbError:
        return None


def _contracts_at(path: str) -> dict[str, Contract]:
    """Return the contract of each method of a path of this application."""
    adapter, contracts = current_app.url_map.bind("localhost"), {}
    for method in _METHODS:
        try:
            endpoint, _ = adapter.match(path, method)
        except HTTPException:
            continue
        if contract := contract_of(current_app.view_functions[endpoint]):
            contracts[method] = contract
    return contracts


def _about(method: str) -> str:
    """Return the first line of the docstring of the view at this path."""
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(request.path, method)
    except HTTPException:
        return ""
    return (current_app.view_functions[endpoint].__doc__ or "").partition("\n")[0].replace("`", "")


def _crumbs() -> list[tuple[str, str | None]]:
    """Return each part of the path, with its URL if there is a page for it."""
    parts = request.path.strip("/").split("/")
    paths = ["/" + "/".join(parts[: n + 1]) + "/" for n in range(len(parts))]
    return [
        (part, path if "GET" in _contracts_at(path) else None) for part, path in zip(parts, paths, strict=True)
    ]


def _table(resource: Resource[Any, Any], rows: list[Page], resource_name: str | None) -> Page:
    """Return the columns and rows of a table, with links to order it."""
    known = resource.columns(None)
    columns = resource.shown.split() or list(resource.model.model_fields)
    if rows and "fields" in request.args:
        columns = list(rows[0])
    ordering = request.args.get("ordering", resource.ordering or resource.key).split(",")[0]
    heads = []
    for name in columns:
        sortable = name in known and not isinstance(known[name], Related)
        sort = {name: "ascending", f"-{name}": "descending"}.get(ordering)
        following = f"-{name}" if sort == "ascending" else name
        heads.append((name, _address(ordering=following, page=None, cursor=None) if sortable else None, sort))
    cells = [[(name, cell(name, row.get(name), resource_name)) for name in columns] for row in rows]
    return {"heads": heads, "rows": list(zip(rows, cells, strict=True))}


def _filters(contract: Contract) -> Page:
    """Return all possible filters, and those of this page. Each of the latter has the URL that removes it."""
    columns = contract.lists.columns(None) if contract.lists else contract.filters or {}
    given = [(name, value) for name, value in request.args.items(multi=True) if name not in _PLACE]
    without = [[pair for pair in given if pair is not this] for this in given]
    return {
        "fields": list(columns),
        "parameters": _own(contract),
        "lookups": LOOKUPS,
        "given": given,
        "chips": [
            (name, value, f"?{urlencode(others)}") for (name, value), others in zip(given, without, strict=True)
        ],
    }


def _own(contract: Contract) -> list[str]:
    """Return the names of the parameters of a list that are not filters."""
    names = [parameter.name for parameter in contract.parameters]
    if contract.lists:
        names += [name for name in pagination.OWN_PARAMETERS if name not in _PLACE]
        names += ["as_of"] if contract.lists.existed else []
    return names


def _add_filter() -> Response | None:
    """Redirect from the filter form to a URL that can be shared."""
    if not wants_page() or request.method != "GET" or "_field" not in request.args:
        return None
    field, lookup, excludes, value = (request.args.get(name, "") for name in _FILTER)
    kept = MultiDict(pair for pair in request.args.items(multi=True) if pair[0] not in (*_FILTER, *_PLACE))
    contract = _contracts_at(request.path).get("GET")
    if contract and field in _own(contract):
        kept[field] = value
    else:
        parts = [field, *([lookup] if lookup not in ("", "exact") else []), *(["exclude"] if excludes else [])]
        kept.add("__".join(parts), value)
    return layout.see_other(f"{layout.path()}?{urlencode(list(kept.items(multi=True)))}")


def _address(**changed: str | None) -> str:
    """Return the query of this page with some parameters changed, or removed if their value is None."""
    given = request.args.to_dict(flat=False) | changed
    return "?" + urlencode({name: value for name, value in given.items() if value is not None}, doseq=True)
