"""Files -> documents, question files -> evaluation sets."""
