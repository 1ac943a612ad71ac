"""Test cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.types.documents import Span
from llmopt_core.types.spec import fingerprint

GOLD_VARIABLE = "sql"
"""The column of a question file that holds the right query of a data question."""

# Up to a semicolon that stands in no quotes and no comment.
_STATEMENT = re.compile(r"""(?:'[^']*'|"[^"]*"|`[^`]*`|--[^\n]*|/\*.*?\*/|[^;])+""", re.DOTALL)


def _queries_in(text: str) -> list[str]:
    parts = [part.strip() for part in _STATEMENT.findall(text) if part.strip()]
    # A single query stays as it was written.
    return parts if len(parts) > 1 else [text] if parts else []


@dataclass(frozen=True, slots=True)
class Example:
    """One test case.

    Attributes:
        references: Where the answer stands in the documents.
        variables: Further columns of the question file, usable in prompts and checks.
    """

    id: str
    question: str
    reference: str | None = None
    references: tuple[Span, ...] = ()
    category: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def right_answers(self) -> tuple[str, ...]:
        """The reference, and after it what is right as well: the texts of the variable `right_answers`."""
        more = self.variables.get("right_answers")
        texts = [text for text in more if isinstance(text, str)] if isinstance(more, list | tuple) else []
        # Each once: exporters write the reference among the further answers again.
        return tuple(dict.fromkeys([*([self.reference] if self.reference is not None else []), *texts]))

    @property
    def database(self) -> str:
        """The name of the database that it asks; empty where the data source is one."""
        name = self.variables.get("database")
        return name if isinstance(name, str) else ""

    @property
    def gold_queries(self) -> tuple[str, ...]:
        """The queries that answer it, of a data question; any of them is right: a list, or with `;` between them."""
        queries = self.variables.get(GOLD_VARIABLE)
        texts = queries if isinstance(queries, list | tuple) else [queries]
        return tuple(query for text in texts if isinstance(text, str) for query in _queries_in(text))

    @property
    def answers_text(self) -> str:
        """All right answers on one line; empty where none is known."""
        return " · ".join(answer for answer in self.right_answers if answer.strip())


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Named examples; the version is their content hash."""

    name: str
    examples: tuple[Example, ...]

    @property
    def version(self) -> str:
        """Content hash of all examples in order."""
        return fingerprint(
            # A list by position and not the object: a field that is added later must not change the version of old
            # sets.
            [[e.id, e.question, e.reference, [[r.document, r.start, r.end] for r in e.references], e.category,
              dict(e.variables)] for e in self.examples]
        )  # fmt: skip
