"""What all of the REST API has in common: contracts of endpoints, requests, lists, errors and logins."""
