"""Configurations -> stages in order -> recorded runs."""
