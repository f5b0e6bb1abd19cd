"""The report of a night: figures from the database, and a forecast of each disk."""
