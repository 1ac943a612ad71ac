"""Bounded concurrency with progress, cancellation and resume."""
