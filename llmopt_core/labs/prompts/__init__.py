"""The prompt lab: prompts and few-shot sets with versions, previews, and comparisons side by side."""
