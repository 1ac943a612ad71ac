"""A result as text that a model or a person reads."""

from __future__ import annotations

import re

from llmopt_core.types import Cell, DataAnswer, QueryAttempt

# Enough for an answer in words; what is more is a table, and the page shows it as one.
_ROWS_SHOWN = 20
# `<result`, `</result`, `< / RESULT`: a model reads all of them as the mark.
_MARK = re.compile(r"<(?=\s*+(?:/\s*+)?result)", re.IGNORECASE)


def result_text(attempt: QueryAttempt) -> str:
    """The rows, one a line behind the names of the columns; a single value stands alone."""
    if attempt.row_count == 1 and len(attempt.columns) == 1 and attempt.rows:
        return _cell(attempt.rows[0][0])
    shown = attempt.rows[:_ROWS_SHOWN]
    lines = [" | ".join(attempt.columns), *(" | ".join(map(_cell, row)) for row in shown)]
    hidden = attempt.row_count - len(shown)
    if hidden > 0:
        lines.append(f"({hidden}{' or more' if attempt.rows_cut else ''} further rows)")
    return "\n".join(lines) if attempt.row_count else "(no rows)"


def marked_result(answer: DataAnswer) -> str:
    """The result as a prompt holds it: between marks that no value can close itself, or why there is none."""
    if answer.attempt is None:
        return f"(no result: {failure_reason(answer)})"
    return f"<result>\n{_MARK.sub('&lt;', result_text(answer.attempt))}\n</result>"


def failure_reason(answer: DataAnswer) -> str:
    """Why no query gave a result, in one sentence; empty where one did."""
    if answer.attempt is not None or not answer.attempts:
        return ""
    last = answer.attempts[-1]
    how = {"refused": "The query was refused", "ended": "The query was ended", "error": "The database says"}
    return f"{how[last.status]}: {last.reason}" if last.status in how else last.reason


def _cell(value: Cell) -> str:
    return "NULL" if value is None else " ".join(str(value).split())
