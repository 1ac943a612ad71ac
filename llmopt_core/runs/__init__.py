"""The store: what was run and what came out."""
