"""For how many days maintenance keeps what it deletes afterwards: each is a setting of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from airflow.sdk.exceptions import AirflowFailException

#: A hundred years: more is a mistake, and dates before it do not exist everywhere.
MOST_DAYS = 36_500


@dataclass(frozen=True)
class Retention:
    """One setting: the variable that changes it, its default, and the least that it can be, in days."""

    variable: str
    default_days: int
    least_days: int

    def days(self, environment: Mapping[str, str] = os.environ) -> int:
        """Return the days that are set. Raises AirflowFailException for a value that is no such number."""
        text = environment.get(self.variable, "").strip() or str(self.default_days)
        if not (text.isascii() and text.isdecimal()) or not self.least_days <= int(text[:9]) <= MOST_DAYS:
            raise AirflowFailException(
                f"{self.variable} must be a whole number of days from {self.least_days} to {MOST_DAYS}, "
                f"not {text!r}. Nothing was deleted. Correct the setting and restart Airflow's scheduler."
            )
        return int(text)


#: `airflow db clean` deletes task instances by age, whether they run or not, hence the least.
AIRFLOW = Retention("ATDB_KEEP_AIRFLOW_DAYS", 30, least_days=7)
#: Tasks may write into a log for days.
LOGS = Retention("ATDB_KEEP_LOGS_DAYS", 30, least_days=7)
SESSIONS = Retention("ATDB_KEEP_SESSIONS_DAYS", 7, least_days=0)
#: ATDB's promises to clients, see sql/maintenance/schema.sql, hence the least.
IDEMPOTENCY_KEYS = Retention("ATDB_KEEP_IDEMPOTENCY_KEYS_DAYS", 1, least_days=1)
CLAIMS = Retention("ATDB_KEEP_CLAIMS_DAYS", 1, least_days=1)

ALL = (AIRFLOW, LOGS, SESSIONS, IDEMPOTENCY_KEYS, CLAIMS)
