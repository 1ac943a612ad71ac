"""Searches over prompts: what each few-shot example is worth, which examples to show, which instruction to give."""
