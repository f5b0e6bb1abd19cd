"""The common parts of the REST API: contracts of endpoints, requests, lists, errors and logins."""
