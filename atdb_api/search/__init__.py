"""The columns by which each resource can be searched, and Django's lookups on them."""
