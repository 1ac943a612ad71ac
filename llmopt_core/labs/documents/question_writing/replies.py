"""What a model wrote -> questions with answers and quotes; whatever cannot be read is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmopt_core.text.json_replies import plain_objects

# `**Question 1:** ...`, `- Answer: ...`, `2. Quote: ...`: models add marks, numbers and bullets.
# Each class is followed by a letter or a colon that it does not hold, so a line is read once.
_FIELD = re.compile(r"^[\s*#>\-\d.)]*(question|answer|quote)[\s*\d]*:[\s*]*(.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """One question as the model wrote it; the quote is not looked up yet."""

    question: str
    answer: str
    quote: str


def read_reply(text: str) -> list[QuestionDraft]:
    """The questions in a reply: JSON objects anywhere in it, or lines such as `Question: ...`."""
    # JSON first: a reply in JSON may hold lines that look like the others.
    drafts = [_question_of(item) for value in plain_objects(text) for item in _with_question(value)] or list(
        _from_lines(text)
    )
    # A quote without a question is no use to anybody.
    return [draft for draft in drafts if draft.question]


def _with_question(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects with a question: this one, or those in its lists."""
    if "question" in value:
        yield value
        return
    # Models wrap their objects: {"questions": [...]}.
    for inner in value.values():
        for item in inner if isinstance(inner, list) else ():
            if isinstance(item, dict) and "question" in item:
                yield item


def _from_lines(text: str) -> Iterator[QuestionDraft]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        match = _FIELD.match(line)
        if match is None:
            # Greetings and explanations between the lines.
            continue
        name = match[1].lower()
        # A new question begins; the one before is whole, with or without a quote.
        if name == "question" and fields:
            yield _question_of(fields)
            fields = {}
        fields[name] = match[2]
    if fields:
        yield _question_of(fields)


def _question_of(values: dict[str, Any]) -> QuestionDraft:
    def text(name: str) -> str:
        value = values.get(name)
        # Quotation marks around a value are the model's, and not part of it. Numbers are answers as well.
        return " ".join(str(value).split()).strip().strip('"“”') if isinstance(value, str | int | float) else ""

    quote = values.get("quote")
    # The quote keeps its spaces: it is looked up in the document, letter by letter.
    return QuestionDraft(text("question"), text("answer"), quote.strip().strip('"“”') if isinstance(quote, str) else "")
