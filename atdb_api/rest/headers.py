"""The headers of every answer for security and caching."""

from flask import Flask, Response, g, request

from atdb_api.config import origin_of
from atdb_api.rest.negotiation import is_ours

_DOCS = "/atdb/docs"
#: Bootstrap's style sheet draws arrows and check marks from `data:` images.
_SOURCES = "default-src 'self'; img-src 'self' data:"
_STYLES_OF_DOCS = "; style-src 'self' 'unsafe-inline'"


def init_app(app: Flask, airflow_url: str | None) -> None:
    """Add the headers to every answer; Airflow's pages may show pages of ATDB in a frame."""
    ancestors = "'self'" if airflow_url is None else f"'self' {origin_of(airflow_url)}"
    policy = f"frame-ancestors {ancestors}; form-action 'self'; base-uri 'none'"

    @app.after_request
    def _secure(response: Response) -> Response:
        of_all = _SOURCES + (_STYLES_OF_DOCS if request.path.startswith(_DOCS) else "")
        sources = g.get("content_sources", of_all)  # a night report sets its own
        response.headers["Content-Security-Policy"] = f"{sources}; {policy}"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if is_ours(request.path):
            response.vary.add("Accept")
        if "Cache-Control" not in response.headers:  # files set their own
            response.headers["Cache-Control"] = "private, no-cache" if "ETag" in response.headers else "no-store"
        return response
