"""ATDB's system of record: the REST API on PostgreSQL. `create_app()` creates the WSGI application."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from atdb_api import commands, database, gui, views
from atdb_api.config import Config
from atdb_api.html import browsable
from atdb_api.openapi import document
from atdb_api.rest import headers, negotiation, problems


def create_app(config: Config | None = None) -> Flask:
    """Create the application; without `config`, from the settings in the environment."""
    config = config or Config.from_environment()
    app = Flask(__name__)
    app.config["ANONYMOUS_ROLE"] = config.anonymous_role
    app.config["REPORTS_ACCOUNT"] = config.reports_account
    app.config["SPECIFICATION_RULES"] = config.specification_rules
    app.config["TRUSTED_HOSTS"] = config.trusted_hosts
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    app.url_map.strict_slashes = False  # some clients omit the trailing slash
    app.json.sort_keys = False  # type: ignore[attr-defined]
    database.init_app(app, config.database_url)
    problems.init_app(app)
    headers.init_app(app, config.airflow_url)  # before the pages: the first function registered is the last called
    browsable.init_app(app)
    negotiation.init_app(app)
    views.init_app(app)
    document.init_app(app)
    gui.init_app(app, config.airflow_url)
    commands.init_app(app)
    if proxies := config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
