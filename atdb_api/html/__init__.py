"""Pages for a browser that asks the REST API, and the layout of all pages."""
