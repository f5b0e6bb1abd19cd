"""The methods of the client for event loops, by resource."""
