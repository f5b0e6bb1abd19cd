"""The pages of observations: the table of all, one by itself, and an action for many."""
