"""Triggers that look at ATDB and change nothing."""
