"""Whether a predicted query answers as a gold query does: by our own rule and by those of four published scripts."""
