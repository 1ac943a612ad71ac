"""Question files -> evaluation sets. Every error names file and line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.guard import Heartbeat, guarded, unwatched
from llmopt_core.documents.progress import OnPart, silent_parts
from llmopt_core.documents.question_rows import Row, read_rows
from llmopt_core.documents.references import NamedDocuments, Problem, resolve_references
from llmopt_core.documents.spans import QuoteMatch
from llmopt_core.documents.text import normalise_file
from llmopt_core.errors import BadInput
from llmopt_core.files import read_regular_file
from llmopt_core.texts import fault_in, fault_of, printable
from llmopt_core.types import Document, EvaluationSet, Example

# Names that other tools give to our columns; taken only where ours is absent.
_ALIASES = {
    "id": ("question_id", "_id"),
    "question": ("user_input", "query"),
    "reference": ("answer", "ground_truth", "reference_answer", "expected_answer"),
    "references": (),
    "category": (),
}
_PLACE = ("document", "corpus_id", "start", "end", "quote")
COLUMNS = frozenset({*_ALIASES, *(name for names in _ALIASES.values() for name in names), *_PLACE, "variables"})
"""Names of columns that mean something; under any other name a column is a variable."""
_REPORTED = 3
# Looking a quote up takes time by the length of the documents.
_QUOTES = re.compile(rb"quote")


class BadQuestionFile(BadInput):
    """A question file with mistakes; `problems` has all of them, the message the first ones."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        told = "; ".join(f"line {p.line}: {p.message}" for p in problems[:_REPORTED])
        more = f"; and {len(problems) - _REPORTED:,} more problems" if len(problems) > _REPORTED else ""
        super().__init__(f"{file} {told}{more}.")
        self.file, self.problems = file, tuple(problems)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file, self.problems)


@dataclass(frozen=True, slots=True)
class FoundQuote:
    """Which place a quote of an example was resolved to."""

    example_id: str
    line: int
    quote: str
    match: QuoteMatch


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A question file as read.

    Attributes:
        evaluation_set: The examples in file order.
        quotes: Every quote with the place it was found at; look at those that are not `exact`.
        warnings: What was odd but readable.
    """

    evaluation_set: EvaluationSet
    quotes: tuple[FoundQuote, ...] = ()
    warnings: tuple[str, ...] = ()


def load_questions(
    source: Path | str | bytes,
    name: str = "",
    documents: Sequence[Document] | None = None,
    heartbeat: Heartbeat = unwatched,
) -> EvaluationSet:
    """The examples of a JSONL or CSV file; see `read_questions`."""
    return read_questions(source, name, documents, heartbeat).evaluation_set


def read_questions(
    source: Path | str | bytes,
    name: str = "",
    documents: Sequence[Document] | None = None,
    heartbeat: Heartbeat = unwatched,
) -> QuestionFile:
    """Read a question file.

    A row has `question` and, as far as known, `id`, `reference` (the answer), `category`, and `references`: a list
    of `{"document", "start", "end"}` or `{"document", "quote"}` (in CSV as JSON, or as columns `document`, `start`,
    `end`, `quote`). Every further column becomes a variable of the example; in JSONL
    `variables` may hold more, with any names, empty ones too. Without `id` the line number is the id.

    Args:
        source: A path, or the bytes of an upload.
        name: Name of the set; for bytes the file name, whose ending tells JSONL from CSV. By default the path's.
        documents: What references point into. Without them spans are taken as they are, and quotes are refused.
        heartbeat: Called some times a second while it is read; what it raises ends the reading.

    Raises:
        BadQuestionFile: Names file and line of the first mistakes.
        BadInput: The file cannot be read at all.
    """
    data, file, title = _open(source, name)
    if not data.strip():
        raise BadInput(f"{file} is empty.")
    work = len(data) + (sum(len(one.text) for one in documents) if documents and _QUOTES.search(data) else 0)
    if work <= limits.READ_AT_ONCE_BYTES:
        return _read(data, file, title, documents)
    arguments = (data, file, title, documents)
    found: QuestionFile = guarded(file, _read, arguments, work, limits.QUESTIONS_SECONDS, heartbeat=heartbeat)
    return found


def _read(
    data: bytes, file: str, title: str, documents: Sequence[Document] | None, _on_part: OnPart = silent_parts
) -> QuestionFile:
    text, warnings = decode(data, file)
    text, more = normalise_file(text, file)
    rows, problems = read_rows(text, file)
    found = _Reader(NamedDocuments(documents) if documents is not None else None)
    for row in rows:
        found.read(row)
    problems = sorted([*problems, *found.problems], key=lambda problem: problem.line)
    if problems:
        raise BadQuestionFile(file, problems)
    if not found.examples:
        raise BadInput(f"{file} holds no questions.")
    return QuestionFile(EvaluationSet(title, tuple(found.examples)), tuple(found.quotes), warnings + more)


def _open(source: Path | str | bytes, name: str) -> tuple[bytes, str, str]:
    if isinstance(source, bytes):
        _check_size(name, len(source))
        path = PurePosixPath(name or "questions")
        return source, path.name, path.stem if path.suffix.lower() in (".jsonl", ".ndjson", ".csv", ".tsv") else name
    source = Path(source)
    return read_regular_file(source, partial(_check_size, source.name)), source.name, name or source.stem


def _check_size(file: str, size: int) -> None:
    if size > limits.TEXT_BYTES:
        raise BadInput(f"{file} has more than {limits.megabytes(limits.TEXT_BYTES)}: split it.")


class _Reader:
    """Rows in, examples or problems out."""

    def __init__(self, documents: NamedDocuments | None) -> None:
        self.examples: list[Example] = []
        self.quotes: list[FoundQuote] = []
        self.problems: list[Problem] = []
        self._documents = documents
        self._lines: dict[str, int] = {}

    def read(self, row: Row) -> None:
        values = dict(row.values)
        own = values.pop("variables") if isinstance(values.get("variables"), dict) else {}
        fields = {name: _take(values, name) for name in _ALIASES}
        problems = [Problem(row.line, message) for message in _check(fields, row)]
        identity = str(fields["id"]).strip() if fields["id"] not in (None, "") else str(row.line)
        if identity in self._lines:
            problems.append(Problem(row.line, f"the id {identity!r} stands on line {self._lines[identity]} too"))
        self._lines.setdefault(identity, row.line)
        # Without a document or quote, columns named `start` or `end` mean something else.
        placed = any(values.get(key) not in (None, "") for key in ("document", "corpus_id", "quote"))
        place = {key: values.pop(key, None) for key in _PLACE} if placed else {}
        references, quotes, wrong = resolve_references(fields["references"], place, self._documents)
        problems += [Problem(row.line, message) for message in wrong]
        self.problems += problems
        if problems:
            return
        self.quotes += [FoundQuote(identity, row.line, quote, match) for quote, match in quotes]
        self.examples.append(
            Example(identity, fields["question"].strip(), _text(fields["reference"]), references,
                    _text(fields["category"]), {k: v for k, v in values.items() if v not in (None, "")} | own)
        )  # fmt: skip


def _take(values: dict[str, Any], name: str) -> Any:
    """The value of a column under our name, or where that is absent under another tool's."""
    for key in (name, *_ALIASES[name]):
        if key in values:
            return values.pop(key)
    return None


def _check(fields: dict[str, Any], row: Row) -> list[str]:
    faults = [f"`{printable(name)}` cannot be used: {fault}" for name, value in row.values.items()
              if (fault := fault_of(name) or fault_in(value))]  # fmt: skip
    if faults:
        return faults
    question = fields["question"]
    if not isinstance(question, str) or not question.strip():
        found = ", ".join(map(str, list(row.values)[:8])) or "nothing"
        if question is None and not any(key in row.values for key in ("question", *_ALIASES["question"])):
            return [f"no `question`; found {found}"]
        return ["`question` is empty" if isinstance(question, str | None) else "`question` is not a text"]
    return [
        f"`{name}` is not a text"
        for name in ("reference", "category", "id")
        if not isinstance(fields[name], str | int | float | None) or (name == "id" and isinstance(fields[name], bool))
    ]


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None
