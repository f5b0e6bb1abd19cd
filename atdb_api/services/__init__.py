"""What ATDB does, apart from HTTP: each takes a session and never commits."""
