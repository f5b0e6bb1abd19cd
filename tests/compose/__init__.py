"""The real containers: `make test-compose` starts and breaks them, and checks the result. It requires Docker."""
