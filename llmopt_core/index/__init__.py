"""Chunks -> dense and BM25 indexes, with an embedding cache."""
