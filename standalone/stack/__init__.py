"""The processes of a stack on one machine: their commands, their preparation, and how they start and stop."""
