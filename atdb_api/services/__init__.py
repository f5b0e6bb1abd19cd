"""What ATDB does, apart from HTTP: each function takes a session and never commits."""
