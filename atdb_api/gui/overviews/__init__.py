"""The pages of the whole observatory: the night, the services, the lifecycle and the plan of a day."""
