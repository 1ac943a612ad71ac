"""Chat, embedding and rerank models behind three small protocols."""
