"""Queries for the API and the pages, which return frozen dataclasses and wire models."""
