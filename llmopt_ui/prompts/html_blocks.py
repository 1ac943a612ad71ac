"""Texts of users and models as HTML blocks: everything in them is escaped, only the marks are ours."""

from __future__ import annotations

import html
from collections.abc import Sequence

from llmopt_core.evaluation.assertions.spec import AssertionSpec, describe
from llmopt_core.labs.prompts.outcome import Outcome
from llmopt_core.text.word_diff import ONLY_SPACE, Op, only_space, visible_text
from llmopt_core.types import Message, Score
from llmopt_ui.theme import Ink

# Elements that say by themselves, also to a screen reader, that a piece is new or gone.
_TAGS = {"equal": "", "insert": "ins", "delete": "del"}
_SIGNS = {True: ("yes", "✓"), False: ("no", "✗"), None: ("open", "?")}


def escape_text(text: str) -> str:
    """Text that a browser shows as it is."""
    # Quotes too, since texts stand in attributes here. Without this an answer of a model, or a row of a file, could
    # bring a script of its own into the page.
    return html.escape(text).replace("\0", "�")


def text_html(text: str, *, pending: bool = False) -> str:
    """One plain text."""
    inside = f'<span class="pending">{escape_text(text)}</span>' if pending else escape_text(text)
    return f'<div class="llmopt-text llmopt-answer">{inside}</div>'


def diff_html(pieces: Sequence[tuple[Op, str]]) -> str:
    """A word diff: what is new is marked, what is gone is struck out; says so where only white space differs."""
    parts = []
    for op, text in pieces:
        tag = _TAGS[op]
        # Marked white space would not be seen, so it is shown by signs.
        parts.append(f"<{tag}>{escape_text(visible_text(op, text))}</{tag}>" if tag else escape_text(text))
    note = meta_html([ONLY_SPACE]) if only_space(pieces) else ""
    return f'<div class="llmopt-text llmopt-answer">{"".join(parts)}</div>{note}'


def messages_html(messages: Sequence[Message], titles: Sequence[str] = ()) -> str:
    """Messages as sent, one block each."""
    blocks = []
    for number, message in enumerate(messages):
        title = titles[number] if number < len(titles) else message.role
        blocks.append(
            f'<div class="llmopt-message {message.role}"><b>{escape_text(title)}</b>'
            f'<div class="llmopt-text">{escape_text(message.full_text)}</div></div>'
        )
    return "".join(blocks)


def assertions_html(assertions: Sequence[tuple[AssertionSpec, Score]]) -> str:
    """Assertions as small marks; pointing at one tells why."""
    marks = []
    for spec, score in assertions:
        kind, sign = _SIGNS[score.passed]
        why = escape_text(score.explanation or score.failure)
        marks.append(f'<span class="{kind}" title="{why}">{sign} {escape_text(describe(spec))}</span>')
    return f'<div class="llmopt-checks">{"".join(marks)}</div>' if marks else ""


def meta_html(parts: Sequence[str]) -> str:
    """Small facts below an answer."""
    return f'<div class="llmopt-meta">{" · ".join(map(escape_text, parts))}</div>' if parts else ""


def question_html(question: str, about: str) -> str:
    """What a row asks, and small facts about it."""
    return f'<div class="llmopt-question">{escape_text(question)}</div>{meta_html([about] if about else [])}'


def title_html(name: str, ink: Ink, outcome: Outcome) -> str:
    """A variant's name, and where it is known whether its answer passed: by colour, sign and word."""
    verdict = ""
    if outcome.word:
        kind, sign = _SIGNS[outcome.passed]
        verdict = f'<span class="llmopt-verdict {kind}">{sign} {escape_text(outcome.word)}</span>'
    # A ring for inks that have a pattern, as in Markdown and in figures.
    filling = "border: 2px solid" if ink.pattern else "background:"
    dot = f'<span class="llmopt-dot" style="{filling} {ink.colour}"></span>'
    return f'<div class="llmopt-title">{dot}<b>{escape_text(name)}</b>{verdict}</div>'


def cells_html(cells: Sequence[str], verdicts: Sequence[bool | None]) -> str:
    """Blocks beside each other, in columns of one width; those that passed or failed have an edge in that colour."""
    blocks = zip(cells, verdicts, strict=True)
    inside = "".join(f'<div class="llmopt-cell {_SIGNS[verdict][0]}">{cell}</div>' for cell, verdict in blocks)
    return f'<div class="llmopt-cells llmopt-cells-{len(cells)}">{inside}</div>'
