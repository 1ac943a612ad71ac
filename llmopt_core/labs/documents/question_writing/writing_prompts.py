"""The prompts that ask a model for questions."""

from __future__ import annotations

CHAT_PROMPT = """Write {{ n }} different questions that a user could ask without having seen the passage below, and that
the passage answers. Name what each question asks about; never write "the passage" or "the text". Use the language of
the passage. Give a short answer, and as quote the shortest words of the passage that hold the answer, copied letter by
letter.

Reply with one JSON object per line and nothing else:
{"question": "...", "answer": "...", "quote": "..."}

Document: {{ document }}
Passage:
{{ passage }}"""
COMPLETION_PROMPT = """Passage: The Eiffel Tower in Paris was built between 1887 and 1889 for the World's Fair.
Question: For which event was the Eiffel Tower built?
Answer: the World's Fair
Quote: built between 1887 and 1889 for the World's Fair

Passage: Honey bees tell each other where food is by a waggle dance, which was explained by Karl von Frisch.
Question: Who explained the waggle dance of honey bees?
Answer: Karl von Frisch
Quote: which was explained by Karl von Frisch

Passage: {{ passage }}
Question:"""
