"""`atdb doctor`: check everything that a deployment needs, and report what to do about each failure."""
