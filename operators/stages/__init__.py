"""The five stages of the pipeline: an operator for each task of their DAGs, and what these share."""
