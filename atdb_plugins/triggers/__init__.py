"""Triggers that wait for observations in ATDB."""
