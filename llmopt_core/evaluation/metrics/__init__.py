"""Every metric by name: text, retrieval and Ragas."""
