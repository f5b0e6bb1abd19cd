"""Explain why an observation is not moving."""
