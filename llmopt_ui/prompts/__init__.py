"""The Prompts page: editor, few-shot sets, side by side, blind vote, searches."""
