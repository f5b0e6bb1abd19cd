"""The OpenAPI document and the table of permissions, from the contracts of the endpoints."""
