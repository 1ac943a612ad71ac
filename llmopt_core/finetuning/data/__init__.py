"""Training data: reading, lint, selection, splits."""
