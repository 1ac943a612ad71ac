"""Relevance judgements beside a question file, as BEIR and TREC keep them -> sources of its questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.jsonl import parse_object
from llmopt_core.documents.question_columns import plain_name
from llmopt_core.documents.questions import QuestionFile, check_question_size
from llmopt_core.documents.text import in_words, normalise_file
from llmopt_core.errors import BadInput
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document, EvaluationSet, Span

Judgements = dict[str, tuple[str, ...]]
# Cells in a line of either.
_BEIR, _TREC = 3, 4
# In the order of BEIR's cells.
_JSON_NAMES = (
    ("query_id", "qid", "question_id"), ("corpus_id", "doc_id", "document_id"), ("score", "relevance", "label"),
)  # fmt: skip
_JSONL = (".jsonl/", ".ndjson/")


def read_qrels(source: Path | bytes, name: str = "") -> Judgements:
    """Which documents answer which question, by their ids.

    A line is `query-id corpus-id score` (BEIR, with a header) or `query-id iteration document-id relevance` (TREC), by
    tabs, spaces or commas; or a JSON object with `query-id`, `corpus-id` and `score` (MTEB).
    Documents with a score of 0 or less do not answer.

    Args:
        source: A path, or the bytes of an upload.
        name: Of the upload, for messages.

    Raises:
        BadInput: The file cannot be read, or a line is neither; names the line.
    """
    file = name or (source.name if isinstance(source, Path) else "qrels")
    # Checked before it is read as well, as a path may be a file of any size.
    data = read_regular_file(source, partial(check_question_size, file)) if isinstance(source, Path) else source
    check_question_size(file, len(data))
    text, _ = normalise_file(decode(data, file)[0], file)
    judgements: dict[str, dict[str, None]] = {}
    for question, document, score in _judgements(text, file):
        if score > 0:
            judgements.setdefault(question, {})[document] = None
        else:
            # Judged and answered by nothing is a judgement too: the question stays in the set, without a source.
            judgements.setdefault(question, {})
    if not judgements:
        raise BadInput(f"{file} holds no judgements; expected lines of query-id, corpus-id and score.")
    return {question: tuple(documents) for question, documents in judgements.items()}


def with_judgements(questions: QuestionFile, judgements: Judgements, documents: Sequence[Document]) -> QuestionFile:
    """The questions that are judged, each with the documents that answer it as its source.

    What has no judgement belongs to another part of the data set and is left out; how many those are, and which
    documents are missing, is told in the warnings.

    Raises:
        BadInput: No question of the file is judged.
    """
    by_id, ambiguous_names = _by_id(documents)
    examples, absent = [], dict[str, None]()
    for example in questions.evaluation_set.examples:
        if example.id in judgements:
            answering = judgements[example.id]
            absent |= dict.fromkeys(one for one in answering if one not in by_id)
            spans = tuple(Span(by_id[one].name, 0, len(by_id[one].text)) for one in answering if one in by_id)
            # Sources of the question file are places, which say more than whole documents.
            examples.append(replace(example, references=example.references or spans))
    if not examples:
        raise BadInput(
            "No question of the file is judged: the ids of the judgements are others, such as "
            f"{next(iter(judgements))!r}; choose the judgements that belong to these questions."
        )
    warnings = list(questions.warnings)
    if unjudged_count := len(questions.evaluation_set.examples) - len(examples):
        warnings.append(f"{unjudged_count:,} questions without a judgement were left out.")
    if absent:
        warnings.append(f"{len(absent):,} judged documents are not among the documents, such as {next(iter(absent))}.")
    warnings += _doubts(ambiguous_names, [one for example in examples for one in judgements[example.id]])
    return replace(
        questions,
        evaluation_set=EvaluationSet(questions.evaluation_set.name, tuple(examples)),
        warnings=tuple(warnings),
    )


def _judgements(text: str, file: str) -> Iterator[tuple[str, str, float]]:
    for number, line in enumerate(text.split("\n"), 1):
        cells = _cells(line, file, number)
        if not any(cell.strip() for cell in cells):
            continue
        score = _score(cells[-1])
        if score is None and number == 1 and not line.lstrip().startswith("{"):
            # A header.
            continue
        if score is None or len(cells) not in (_BEIR, _TREC) or not (cells[0].strip() and cells[-2].strip()):
            raise BadInput(f"{file} line {number}: expected query-id, corpus-id and a score, found {line[:80]!r}.")
        yield cells[0].strip(), cells[-2].strip(), score


def _cells(line: str, file: str, number: int) -> list[str]:
    if line.lstrip().startswith("{"):
        values = {plain_name(key): value for key, value in parse_object(file, number, line).items()}
        # A part that is missing gives an empty cell, which no line of judgements has.
        return [
            str(next((values[name] for name in names if values.get(name) is not None), "")) for names in _JSON_NAMES
        ]
    # Tabs where there are any: ids of BEIR may hold spaces.
    if "\t" in line:
        return line.split("\t")
    cells = line.split()
    return cells if len(cells) in (_BEIR, _TREC) or line.count(",") not in (_BEIR - 1, _TREC - 1) else line.split(",")


def _score(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _by_id(documents: Sequence[Document]) -> tuple[dict[str, Document], dict[str, list[str]]]:
    """Documents by the ids that data sets give them, and the names of all that have the same id.

    An id is that of a line, or the name of a file, without its folder or its ending.
    """
    id_rows = [(_ids(document), document) for document in documents]
    by_id: dict[str, Document] = {}
    ambiguous_names: dict[str, list[str]] = {}
    # The fullest names first: `a.txt` at the top is meant by `a.txt` sooner than `x/a.txt` is.
    for rank in range(max((len(ids) for ids, _ in id_rows), default=0)):
        claims: dict[str, list[Document]] = {}
        for ids, document in id_rows:
            # A name in the top folder is the same with and without its folder.
            for one in ids[rank : rank + 1]:
                claims.setdefault(one, []).append(document)
        for one, claimants in claims.items():
            if one in by_id:
                continue
            by_id[one] = claimants[0]
            if len(claimants) > 1:
                ambiguous_names[one] = [document.name for document in claimants]
    return by_id, ambiguous_names


def _ids(document: Document) -> list[str]:
    mark = next((mark for mark in _JSONL if mark in document.name), "")
    path = PurePosixPath(document.name)
    return [document.name.split(mark, 1)[1]] if mark else [document.name, path.name, path.stem]


def _doubts(unsure: Mapping[str, Sequence[str]], ids: Sequence[str]) -> list[str]:
    """A warning where a judgement names an id that several documents have."""
    ambiguous_ids = list(dict.fromkeys(one for one in ids if one in unsure))
    if not ambiguous_ids:
        return []
    subject, names = "id stands" if len(ambiguous_ids) == 1 else "ids stand", in_words(unsure[ambiguous_ids[0]][:3])
    return [
        f"{len(ambiguous_ids):,} judged {subject} for several documents, such as {ambiguous_ids[0]} ({names}); "
        "the first was taken, which is not sure: give each file a name of its own."
    ]
