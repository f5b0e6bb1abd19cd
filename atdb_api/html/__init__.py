"""Pages of the REST API for browsers, and the layout of all pages."""
