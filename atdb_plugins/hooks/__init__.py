"""Hooks: from Airflow connections to the clients that operators use."""
