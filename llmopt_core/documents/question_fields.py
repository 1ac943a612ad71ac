"""A row of a question file, sorted by what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.documents.question_answers import find_choice_text, right_answers
from llmopt_core.documents.question_columns import (
    ALIASES,
    RIGHT_ANSWERS,
    has_question,
    is_query_row,
    take,
    take_place,
)
from llmopt_core.documents.question_rows import Row
from llmopt_core.errors import BadInput
from llmopt_core.text.valid_text import fault_in, fault_of, printable


@dataclass(slots=True)
class Fields:
    """A row, its columns sorted by what they mean.

    Attributes:
        raw: What stands in our own columns.
        place: The row's own `document`, `start`, `end` and `quote`.
        rest: What means nothing to us, and is a variable.
        own: The object `variables`.
        question_column: The column of the question.
        answers: The right answers, and where they begin in the row's `context`.
    """

    row: Row
    columns: Mapping[str, str]
    raw: dict[str, Any] = field(init=False)
    place: dict[str, Any] = field(init=False)
    rest: dict[str, Any] = field(init=False)
    own: dict[str, Any] = field(init=False)
    answers: list[tuple[str, int | None]] = field(init=False)
    question_column: str = field(init=False)
    _wrong_answer: str = field(init=False, default="")

    def __post_init__(self) -> None:
        values = dict(self.row.values)
        # What the user says of columns goes first, and is taken out before anything is known by its name.
        user_values = {role: values.pop(name, None) for role, name in self.columns.items()}
        self.own = values.pop("variables") if isinstance(values.get("variables"), dict) else {}
        names: dict[str, str] = {}
        self.raw = {}
        for role in ALIASES:
            self.raw[role], names[role] = (
                (user_values[role], self.columns[role]) if role in user_values else take(values, role)
            )
        self.question_column = names["question"] or "question"
        if isinstance(self.raw["question"], dict) and isinstance(self.raw["question"].get("text"), str):
            # As Natural Questions has it, with its tokens.
            self.raw["question"] = self.raw["question"]["text"]
        # After the names: choices are columns of their own.
        self.raw["reference"] = find_choice_text(values, self.raw["reference"])
        self.place = {
            **take_place(values),
            **{role: user_values[role] for role in ("document", "quote") if user_values.get(role)},
        }
        # All that is left are variables of templates.
        self.rest = values
        answers: dict[str, int | None] = {}
        for role in ("reference", RIGHT_ANSWERS):
            try:
                for text, start in right_answers(self.raw[role], names[role]):
                    # `setdefault`: the place that came first stays.
                    answers.setdefault(text, start)
            except BadInput:
                # Told with the other faults of the row, all at once.
                self._wrong_answer = self._wrong_answer or f"`{names[role]}` is not a text"
        self.answers = list(answers.items())

    @property
    def category(self) -> str | None:
        """The category as text."""
        value = self.raw["category"]
        return str(value).strip() or None if value is not None else None

    @property
    def id(self) -> str:
        """The question's id; the line where it has none."""
        value = self.raw["id"]
        # The line number: always there, and what an editor shows.
        return str(value).strip() if value not in (None, "") else str(self.row.line)

    def faults(self) -> list[str]:
        """What is wrong with the row, as parts of a sentence."""
        faults = [f"`{printable(name)}` cannot be used: {fault}" for name, value in self.row.values.items()
                  if (fault := fault_of(name) or fault_in(value))]  # fmt: skip
        if faults:
            return faults
        question = self.raw["question"]
        if not isinstance(question, str) or not question.strip():
            # Eight names are enough to see which file it is.
            columns = ", ".join(map(str, list(self.row.values)[:8])) or "nothing"
            has_column = "question" in self.columns or has_question(self.row.values) or is_query_row(self.row.values)
            if question is None and not has_column:
                return [f"no `question`; found {columns}"]
            fault = "empty" if isinstance(question, str | None) else "not a text"
            return [f"`{printable(self.question_column)}` is {fault}"]
        return [self._wrong_answer] * bool(self._wrong_answer) + [
            f"`{name}` is not a text"
            for name in ("category", "id")
            if not isinstance(self.raw[name], str | int | float | None)
            or (name == "id" and isinstance(self.raw[name], bool))
        ]
