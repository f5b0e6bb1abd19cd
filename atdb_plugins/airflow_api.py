"""What Airflow's own REST API answers, whichever way it is asked."""

#: The states of a run that is not over; one that has ended continues only if it is cleared.
ACTIVE = ("queued", "running")


class AirflowApiError(Exception):
    """Airflow's API cannot be asked now, so nothing is known of its runs."""


class AirflowUnavailable(AirflowApiError):
    """Airflow's API does not respond: whether it has done what was asked is not known."""
