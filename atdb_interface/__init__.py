"""The contract of ATDB, and the one way in: its lifecycle, wire models, errors, client and commands."""
