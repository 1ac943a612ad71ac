"""Templates, few-shot selection, and the messages they make."""
