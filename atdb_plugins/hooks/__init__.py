"""Airflow connections turned into what the operators work with."""
