"""`python -m standalone.containers.health`: the health check of a container. Workers have their own."""

from dataclasses import replace

from standalone.containers.services import PROCESSES, service_file
from standalone.settings import HOST, Settings
from standalone.stack import health


def problems(service: str, settings: Settings) -> list[str]:
    """Return a sentence about each problem of a service; an empty list if it is healthy.

    Airflow's API reports the heartbeats of the scheduler, DAG processor and triggerer. While the API does not
    respond, these services count as unhealthy too.
    """
    match service:
        case "atdb":
            reported = health.of_atdb(replace(settings, atdb_host=HOST))
        case "telescope":
            reported = health.of_telescope(replace(settings, telescope_host=HOST))
        case "airflow-api-server":
            reported = health.of_airflow(replace(settings, airflow_host=HOST))
        case _:
            reported = health.of_airflow(settings)
            return [each.reason for each in reported if each.process in (PROCESSES[service], "airflow-api-server")]
    return [each.reason for each in reported if each.process == PROCESSES[service]]


def main() -> int:
    """Print the problems of this container's service; the exit status is 1 if there are any."""
    settings = Settings.from_environment()
    reasons = problems(service_file(settings).read_text(encoding="utf-8"), settings)
    print("\n".join(reasons))
    return int(bool(reasons))


if __name__ == "__main__":
    raise SystemExit(main())
