"""Explain in one sentence why an observation is not moving."""
