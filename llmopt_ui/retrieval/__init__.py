"""The Retrieval page: one question, the whole set, leave-one-out, more chunks."""
