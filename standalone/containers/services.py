"""The long-running services of docker-compose.yaml. Health checks import this module, so it imports little."""

from pathlib import Path

from standalone.settings import Settings

#: The process of each service.
PROCESSES = {
    "atdb": "api",
    "airflow-api-server": "airflow-api-server",
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag-processor",
    "airflow-triggerer": "triggerer",
    "worker": "worker",
    "worker-telescope": "worker-telescope",
    "telescope": "telescope",
}


def service_file(settings: Settings) -> Path:
    """Return the file that names the service of this container, for its health check."""
    return settings.run / "service"
