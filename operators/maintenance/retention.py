"""How many days maintenance keeps data before it deletes them: settings in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

#: A hundred years: a longer time is a mistake, and some systems have no earlier dates.
MOST_DAYS = 36_500


@dataclass(frozen=True)
class Retention:
    """One setting: its variable, its default and its minimum, in days."""

    variable: str
    default_days: int
    least_days: int

    def days(self, environment: Mapping[str, str] = os.environ) -> int:
        """Return the number of days that is set. Raises AirflowFailException for any other value."""
        if wrong := self.wrong(environment):
            # Imported late: the start of the stack checks settings here, without the slow import of Airflow.
            from airflow.sdk.exceptions import AirflowFailException  # noqa: PLC0415

            raise AirflowFailException(
                f"{wrong}. Nothing was deleted. Correct the setting and restart Airflow's scheduler."
            )
        return int(self._given(environment))

    def wrong(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return what is wrong with the value that is set; empty if it is correct."""
        text = self._given(environment)
        if text.isascii() and text.isdecimal() and self.least_days <= int(text[:9]) <= MOST_DAYS:
            return ""
        return (
            f"{self.variable} must be a whole number of days from {self.least_days} to {MOST_DAYS}, not {text!r}"
        )

    def _given(self, environment: Mapping[str, str]) -> str:
        return environment.get(self.variable, "").strip() or str(self.default_days)


#: `airflow db clean` deletes task instances by age, even running ones; therefore the minimum.
AIRFLOW = Retention("ATDB_KEEP_AIRFLOW_DAYS", 30, least_days=7)
#: Tasks may write to a log for days.
LOGS = Retention("ATDB_KEEP_LOGS_DAYS", 30, least_days=7)
SESSIONS = Retention("ATDB_KEEP_SESSIONS_DAYS", 7, least_days=0)
#: ATDB promises this much to clients, see sql/maintenance/schema.sql; therefore the minimum.
IDEMPOTENCY_KEYS = Retention("ATDB_KEEP_IDEMPOTENCY_KEYS_DAYS", 1, least_days=1)
CLAIMS = Retention("ATDB_KEEP_CLAIMS_DAYS", 1, least_days=1)

ALL = (AIRFLOW, LOGS, SESSIONS, IDEMPOTENCY_KEYS, CLAIMS)
