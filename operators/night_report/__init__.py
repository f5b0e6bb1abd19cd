"""The report of a night: the figures of the database, and a forecast of each disk."""
