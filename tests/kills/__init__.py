"""`make kills`: kill the listener at each point where it could lose something, and the processes around it."""
