"""An answer -> the sentences that can be true or false one by one."""

from __future__ import annotations

import re

from llmopt_core.answering.citations import MARK, without_marks
from llmopt_core.text.sentences import join_abbreviations

# As `is_refusal` makes them of an answer: in small letters and without marks, so `don't` is `dont`.
_REFUSALS = {"i dont know", "i do not know", "unknown", "不知道", "我不知道"}

# A sentence ends with its citation marks, on which side of the full stop they may stand.
# A run of full stops is tried once, from its first one: a model that writes a thousand of them must not take long.
_SENTENCE = re.compile(
    rf"[^\n]+?(?:(?:(?<![.!?])[.!?]++[\"'”’)]*+(?=\s|{MARK}|$)|(?<![。！？])[。！？]++)(?:\s*+{MARK})*|$|\n)",
    re.MULTILINE,
)


def extract_claims(answer: str) -> list[str]:
    """The answer's sentences, each with the citation marks that follow it; marks and bullets alone are none."""
    pieces = join_abbreviations(match.group() for match in _SENTENCE.finditer(answer))
    # A mark in a line of its own, or a bullet without text, is no claim, and would be judged unsupported.
    return [piece for piece in pieces if without_marks(piece).strip(" -*•.!?")]


def is_refusal(answer: str) -> bool:
    """Whether the answer says that it does not know, and nothing else."""
    words = re.sub(r"[^\w\s]", "", answer.casefold())
    return " ".join(words.split()) in _REFUSALS
