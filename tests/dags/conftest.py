"""Airflow writes to a folder of these tests, never to the home directory."""

import os
import tempfile

_HOME = tempfile.TemporaryDirectory(prefix="airflow-of-tests-")
os.environ["AIRFLOW_HOME"] = _HOME.name
