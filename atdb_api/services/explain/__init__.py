"""Explain why the status of an observation does not change."""
