"""Documents and their questions: written, edited, followed through new versions."""
