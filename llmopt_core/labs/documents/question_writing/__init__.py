"""Questions with reference spans, written by a chat model from sampled passages, filtered, and reviewed by people."""
