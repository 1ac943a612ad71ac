"""Evaluations as jobs, and what their records say."""
