"""The rules of the site, from the settings of the API."""

from flask import current_app

from atdb_api.config import SpecificationRules


def specification_rules() -> SpecificationRules:
    """Return the rules for specifications."""
    rules: SpecificationRules = current_app.config["SPECIFICATION_RULES"]
    return rules
