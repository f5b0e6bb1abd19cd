"""The services of docker-compose.yaml: their secrets, what each of them is, and whether it is well."""
