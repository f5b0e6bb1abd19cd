"""The pages of observations: the table, one observation, and an action for many."""
