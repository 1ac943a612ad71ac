"""The built-in judge: rules and small models, always the same, without an LLM."""
