"""What Airflow's own REST API answers, whichever way it is asked."""

#: The states of a run that goes on; after `success` and `failed` it does so only if somebody clears it.
ACTIVE = ("queued", "running")


class AirflowApiError(Exception):
    """Airflow's API cannot be asked now, so nothing is known of its runs."""


class AirflowUnavailable(AirflowApiError):
    """Airflow's API does not respond: whether it has done what was asked is not known."""
