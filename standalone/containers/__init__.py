"""The services of docker-compose.yaml: their secrets, their entry point and their health checks."""
