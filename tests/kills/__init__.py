"""Kill the listener at each point at which it can lose something, and the processes around it: `make kills`."""
