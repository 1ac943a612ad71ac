"""The fact check: what the passages do not support."""
