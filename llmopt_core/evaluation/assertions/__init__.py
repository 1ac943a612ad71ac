"""Assertions: conditions that an answer passes or fails."""
