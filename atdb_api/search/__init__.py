"""What can be searched for: the columns of each resource, and Django's lookups on them."""
