"""Question files -> evaluation sets. Every error names file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.guard import Heartbeat, no_heartbeat, run_within_limits
from llmopt_core.documents.progress import OnPart, ignore_parts
from llmopt_core.documents.question_answers import is_written_list
from llmopt_core.documents.question_columns import RIGHT_ANSWERS, check_columns, check_roles, looks_like_answer
from llmopt_core.documents.question_contexts import Contexts
from llmopt_core.documents.question_fields import Fields
from llmopt_core.documents.question_quotes import FoundQuote, nearest_text
from llmopt_core.documents.question_rows import Row, read_rows
from llmopt_core.documents.references import DocumentLookup, Problem, resolve_references
from llmopt_core.documents.text import normalise_file
from llmopt_core.errors import BadInput
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document, EvaluationSet, Example
from llmopt_core.types.parts import find_part

# The first few show what is wrong; the rest is counted.
_MOST_REPORTS = 3
# Only these are cut from a name: `set.v2` is no ending.
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
# The column that says which part of a split a question stands in.
_SPLIT = "split"
# Looking a quote up takes time by the length of the documents.
# Words without which nothing in the file can be a quote or a paragraph.
_QUOTES = re.compile(rb"quote|context|passage", re.IGNORECASE)


class BadQuestionFile(BadInput):
    """A question file with mistakes; `problems` has all of them, the message the first ones."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        reports = "; ".join(f"{p.unit} {p.line}: {p.message}" for p in problems[:_MOST_REPORTS])
        more = f"; and {len(problems) - _MOST_REPORTS:,} more problems" if len(problems) > _MOST_REPORTS else ""
        super().__init__(f"{file} {reports}{more}.")
        self.file, self.problems = file, tuple(problems)

    # Errors of a child process travel as their arguments; by default those would be the whole sentence.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file, self.problems)


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A question file as read.

    Attributes:
        evaluation_set: The examples in file order.
        quotes: Every quote with the place it was found at; look at those that are not `exact`.
        warnings: What was odd but readable.
        problems: The lines that were left out, each with its reason.
        columns: All columns of the file, in order.
        unused_columns: Columns that look like the right answer and are only variables.
        parts: Id -> part of a split, where the column `split` names one for each question or leaves it open.
    """

    evaluation_set: EvaluationSet
    quotes: tuple[FoundQuote, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    columns: tuple[str, ...] = ()
    unused_columns: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What who brought the file should know, a sentence each."""
        near = [quote for quote in self.quotes if not quote.match.exact]
        # Lines, not problems: one line may have several.
        good, bad = len(self.evaluation_set.examples), len({problem.line for problem in self.problems})
        return (
            *(f"{problem.unit} {problem.line} was left out: {problem.message}." for problem in self.problems),
            *([f"{bad:,} of {good + bad:,} questions {'was' if bad == 1 else 'were'} left out."] if bad else []),
            *(f"{quote.unit} {quote.line}: {nearest_text(quote)}" for quote in near),
            *(
                f"the column `{name}` looks like an answer and is not used: say so where it is the reference answer "
                f"(`--column reference={name}` on the command line)."
                for name in self.unused_columns
            ),
            *self.warnings,
        )


def load_questions(
    source: Path | str | bytes,
    name: str = "",
    documents: Sequence[Document] | None = None,
    heartbeat: Heartbeat = no_heartbeat,
) -> EvaluationSet:
    """The examples of a question file in which every line is good; see `read_questions`."""
    return read_questions(source, name, documents, heartbeat).evaluation_set


def read_questions(
    source: Path | str | bytes,
    name: str = "",
    documents: Sequence[Document] | None = None,
    heartbeat: Heartbeat = no_heartbeat,
    *,
    columns: Mapping[str, str] | None = None,
    skip_bad_lines: bool = False,
    encoding: str = "",
) -> QuestionFile:
    """Read a question file: JSONL, CSV, or one JSON value (a list, or SQuAD's nested form).

    A row has `question` and, as far as known, `id`, `reference` (the answer, or a list of right answers), `category`,
    and `references`: a list of `{"document", "start", "end"}` or `{"document", "quote"}` (in CSV as JSON, or as columns
    `document`, `start`, `end`, `quote`). Names that other tools give to these are known too, in any case. Every
    further column becomes a variable of the example; in JSONL `variables` may hold more, with any names, empty ones
    too. Without `id` the line number is the id.

    Args:
        source: A path, or the bytes of an upload.
        name: Name of the set; for bytes the file name, whose ending tells JSONL from CSV. By default the path's.
        documents: What references point into. Without them spans are taken as they are, and quotes are refused.
        heartbeat: Called some times a second while it is read; what it raises ends the reading.
        columns: Which column means what, such as `{"question": "Frage"}`; for the meanings see
            `question_columns.ROLES`.
        skip_bad_lines: Take the good lines and name the others in `problems`, for who can tell the user of them.
        encoding: Of the file, such as `windows-1250`; empty to find it out.

    Raises:
        NoQuestionColumn: No column is known as the question.
        BadQuestionFile: A line is bad, or with `skip_bad_lines` every one; names file and line of the first mistakes.
        BadInput: The file cannot be read at all.
    """
    data, file, title = _open(source, name)
    if not data.strip():
        raise BadInput(f"{file} is empty.")
    check_roles(columns or {})
    needs_documents = columns or _QUOTES.search(data)
    # Bytes to be gone through: documents count only where something is looked up in them.
    work = len(data) + (sum(len(one.text) for one in documents) if documents and needs_documents else 0)
    arguments = (data, file, title, documents, dict(columns or {}), skip_bad_lines, encoding)
    if work <= limits.READ_AT_ONCE_BYTES:
        return _read(*arguments)
    result: QuestionFile = run_within_limits(
        file, _read, arguments, work, limits.QUESTIONS_SECONDS, heartbeat=heartbeat
    )
    return result


def _read(  # noqa: PLR0917
    data: bytes,
    file: str,
    title: str,
    documents: Sequence[Document] | None,
    columns: Mapping[str, str],
    skip_bad_lines: bool,
    encoding: str,
    _on_part: OnPart = ignore_parts,
) -> QuestionFile:
    text, warnings = decode(data, file, encoding)
    text, more = normalise_file(text, file)
    rows, problems = read_rows(text, file, meanings=columns)
    all_columns = tuple(dict.fromkeys(column for row in rows for column in row.values))
    # A file without rows is told as empty, not as one that lacks columns.
    if rows:
        check_columns(columns, all_columns, file)
    reader = _Reader(documents, columns)
    for row in rows:
        reader.read(row)
    # In the order of the file, whether found while parsing or after it.
    problems = sorted([*problems, *reader.problems], key=lambda problem: problem.line)
    # Without a good line there is nothing to go on with.
    if problems and not (skip_bad_lines and reader.examples):
        raise BadQuestionFile(file, problems)
    if not reader.examples:
        raise BadInput(f"{file} holds no questions.")
    examples, parts = _take_parts(reader.examples)
    return QuestionFile(
        EvaluationSet(title, examples),
        tuple(reader.quotes),
        warnings + more + reader.warnings,
        tuple(problems),
        all_columns,
        reader.answer_like_columns,
        parts,
    )


def _take_parts(examples: Sequence[Example]) -> tuple[tuple[Example, ...], dict[str, str]]:
    """The examples without the column `split`, and what it says, where it holds nothing but parts of a split."""
    words = {example.id: example.variables[_SPLIT] for example in examples if _SPLIT in example.variables}
    parts = {name: find_part(word) if isinstance(word, str) else None for name, word in words.items()}
    # In data sets of others it may say `train` and `test`, and is a column like any.
    part_by_id = {name: part for name, part in parts.items() if part is not None}
    if len(part_by_id) < len(words):
        return tuple(examples), {}
    # It is no part of the content: a set that was written out and read again has the same version.
    plain = [replace(one, variables={k: v for k, v in one.variables.items() if k != _SPLIT}) for one in examples]
    return tuple(plain), part_by_id


def _open(source: Path | str | bytes, name: str) -> tuple[bytes, str, str]:
    if isinstance(source, bytes):
        check_question_size(name, len(source))
        path = PurePosixPath(name or "questions")
        return source, path.name, path.stem if path.suffix.lower() in _ENDINGS else name
    source = Path(source)
    return read_regular_file(source, partial(check_question_size, source.name)), source.name, name or source.stem


def check_question_size(file: str, size: int) -> None:
    """Raise `BadInput` for a file of questions or judgements that is too large."""
    if size > limits.TEXT_BYTES:
        raise BadInput(f"{file} has more than {limits.megabytes(limits.TEXT_BYTES)}: split it.")


class _Reader:
    """Rows in, examples or problems out."""

    def __init__(self, documents: Sequence[Document] | None, columns: Mapping[str, str]) -> None:
        # None: no documents were given, and spans are taken as they are. An empty list: nothing is in them.
        self.examples: list[Example] = []
        self.quotes: list[FoundQuote] = []
        self.problems: list[Problem] = []
        self._documents = DocumentLookup(documents) if documents is not None else None
        self._contexts = Contexts(documents) if documents else None
        self._columns = columns
        self._lines: dict[str, int] = {}
        self._variables: dict[str, None] = {}

    def read(self, row: Row) -> None:
        """Take one row in."""
        fields = Fields(row, self._columns)
        messages = fields.faults()
        if fields.id in self._lines:
            messages.append(f"the id {fields.id!r} stands on {row.unit} {self._lines[fields.id]} too")
        # Also of a bad row, so that the second of an id is told.
        self._lines.setdefault(fields.id, row.line)
        spans, quotes, faults = resolve_references(fields.raw["references"], fields.place, self._documents)
        messages += faults
        self.problems += [Problem(row.line, message, row.unit) for message in messages]
        # A row with any fault is left out whole: a question without its source would be measured wrongly.
        if messages:
            return
        answers = fields.answers
        # Sources that the row names count before what is looked up.
        if not spans and self._contexts is not None:
            spans = self._contexts.spans(fields.rest, answers)
        self.quotes += [FoundQuote(fields.id, row.line, quote, match, row.unit) for quote, match in quotes]
        texts = [text for text, _ in answers]
        answer_variables = {RIGHT_ANSWERS: texts} if len(texts) > 1 else {}
        # Empty cells are no variables: a template can ask whether one is there.
        variables = {key: value for key, value in fields.rest.items() if value not in (None, "")}
        self._variables |= dict.fromkeys(variables)
        self.examples.append(
            Example(fields.id, fields.raw["question"].strip(), texts[0] if texts else None, spans,
                    fields.category, variables | fields.own | answer_variables)
        )  # fmt: skip

    @property
    def answer_like_columns(self) -> tuple[str, ...]:
        """Variables that look like right answers."""
        has_references = any(example.reference for example in self.examples)
        return tuple(name for name in self._variables if looks_like_answer(name, has_answer=has_references))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about all rows together."""
        absent = self._contexts.absent if self._contexts else 0
        warnings = [
            f"{absent:,} of {len(self.examples):,} questions bring a paragraph that stands in none of the documents; "
            "they have no source."
        ] * bool(absent)
        references = [example.reference for example in self.examples if example.reference]
        # All of them: one answer in brackets may be meant so.
        if references and all(map(is_written_list, references)):
            warnings.append(
                "Each reference answer is a list written as text, and is taken as it is; where its items are several "
                "right answers, call the column `answers`."
            )
        return tuple(warnings)
