"""Answer + example -> scores: text, retrieval and Ragas metrics, judged by an LLM or by the built-in judge."""
