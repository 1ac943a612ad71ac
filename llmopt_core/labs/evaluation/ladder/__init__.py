"""The ladder: a project's experiments in order, each kept or dropped."""
