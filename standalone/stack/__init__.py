"""The processes of one machine: what each runs, what must exist first, and how they start and stop."""
