"""Answer checks: what the passages do not support."""
