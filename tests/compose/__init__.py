"""The real containers: `make test-compose` starts them, breaks them, and judges. It needs a Docker engine."""
