"""Airflow writes into a folder of these tests, never into the home directory."""

import os
import tempfile

_HOME = tempfile.TemporaryDirectory(prefix="airflow-of-tests-")
os.environ["AIRFLOW_HOME"] = _HOME.name
