"""The health check of a container: `python -m standalone.containers.health`. Workers have one of their own."""

from dataclasses import replace

from standalone.containers.services import PROCESSES, service_file
from standalone.settings import HOST, Settings
from standalone.stack import health


def problems(service: str, settings: Settings) -> list[str]:
    """Return what is wrong; an empty list means that the service is well.

    Airflow knows of its scheduler, DAG processor and triggerer by their heartbeats: while its API cannot be asked,
    nobody knows whether they are well.
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
    """Print what is wrong; the exit status is 1 if anything is."""
    settings = Settings.from_environment()
    reasons = problems(service_file(settings).read_text(encoding="utf-8"), settings)
    print("\n".join(reasons))
    return int(bool(reasons))


if __name__ == "__main__":
    raise SystemExit(main())
