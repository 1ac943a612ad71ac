"""Who grades answers: an LLM or the built-in judge."""
