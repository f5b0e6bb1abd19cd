# Generated from async_methods/__init__.py by `make format`. Change that file.
"""The methods of the client, by resource."""
