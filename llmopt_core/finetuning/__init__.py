"""Training data, checks and jobs."""
