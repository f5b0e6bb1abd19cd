"""Convert errors to RFC 9457 answers: the only place that does so."""

from flask import Flask, Response, json
from psycopg2.errors import QueryCanceled
from pydantic import ValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, SecurityError

from atdb_interface.errors import (
    TYPE_PREFIX,
    AtdbError,
    BadRequest,
    Conflict,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    Unexpected,
)
from atdb_interface.field_errors import field_of, message_of

RETRY_AFTER_SECONDS = "2"
#: Limits of what an answer repeats from a wrong request.
MOST_ERRORS, LONGEST_NAME = 100, 200


def answer(error: AtdbError) -> Response:
    """Create the problem+json response to an error."""
    response = Response(json.dumps(error.problem()), status=error.status, content_type="application/problem+json")
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = 'Basic realm="ATDB", charset="UTF-8"'
    return response


def bad_request(error: ValidationError) -> BadRequest:
    """Return the error that names the fields that cannot be read, and why."""
    errors = [
        {
            "field": ".".join(str(part) for part in field_of(item))[:LONGEST_NAME],
            "message": message_of(item),
        }
        for item in error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    ]
    detail = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors[:10])
    return BadRequest(detail, errors=errors)


def init_app(app: Flask) -> None:
    """Register the handlers."""

    @app.errorhandler(AtdbError)
    def _atdb_error(error: AtdbError) -> Response:
        return answer(error)

    @app.errorhandler(ValidationError)
    def _validation_error(error: ValidationError) -> Response:
        return answer(bad_request(error))

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> Response:
        problem = {
            "type": f"{TYPE_PREFIX}{error.code}",
            "title": error.name,
            "status": error.code,
            "detail": error.description,
        }
        response = Response(json.dumps(problem), status=error.code, content_type="application/problem+json")
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
        return response

    @app.errorhandler(SecurityError)
    def _of_another_host(_: SecurityError) -> Response:
        return answer(
            BadRequest(
                "The host in this URL is not one of ATDB. Use the URL that ATDB's administrator has announced. "
                "An administrator can add a host to the setting ATDB_TRUSTED_HOSTS."
            )
        )

    @app.errorhandler(DataError)
    def _out_of_range(_: DataError) -> Response:
        return answer(BadRequest("A value is outside the range that the database can hold."))

    @app.errorhandler(IntegrityError)
    def _at_the_same_moment(_: IntegrityError) -> Response:
        return answer(Conflict("Another request has just created the same item. Read it, then retry if needed."))

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(PoolTimeoutError)
    def _database_away(error: Exception) -> Response:
        if isinstance(error, OperationalError) and isinstance(error.orig, QueryCanceled):
            app.logger.warning("The database has stopped a statement that took too long")
            return answer(
                Unavailable(
                    "The database stopped this request because it took too long. Ask for less, with narrower "
                    "filters such as starttime__gte. If the database is busy, retry later."
                )
            )
        app.logger.error("The database does not respond: %s", str(error).splitlines()[0])
        return answer(Unavailable("The database does not respond. Retry later."))

    @app.errorhandler(Exception)
    def _anything_else(error: Exception) -> Response:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return _database_away(error)
        app.logger.exception("Unexpected error")
        return answer(
            Unexpected(
                "ATDB failed with an internal error. An ATDB admin can find the cause in the log of the API."
            )
        )
