"""Answers to label as a table, and labels from a file: for people who label in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.question_rows import Row, read_rows
from llmopt_core.errors import BadInput
from llmopt_core.labs.evaluation.judge_order import PeopleLabels, next_row
from llmopt_core.labs.evaluation.judge_rows import LabelRow
from llmopt_core.labs.evaluation.judge_words import criterion_question
from llmopt_core.runs.store_judge_labels import JudgeLabel, LabelChoice
from llmopt_core.text.csv_text import csv_text, unguard_cell
from llmopt_core.text.files import read_regular_file

_COLUMNS = ("label", "question", "reference", "answer", "chunks", "asked", "example_id", "criterion", "subject")
_WORDS: Mapping[str, LabelChoice] = {
    **dict.fromkeys(("pass", "p", "yes", "y", "true", "1", "1.0"), "pass"),
    **dict.fromkeys(("fail", "f", "no", "n", "false", "0", "0.0"), "fail"),
    **dict.fromkeys(("unsure", "u", "?"), "unsure"),
}
_LARGEST = 200_000_000
_NOBODY = "unnamed"


def labelling_order(rows: Sequence[LabelRow], people: PeopleLabels) -> list[LabelRow]:
    """The rows without a label in the order in which they are worth labelling: flips first.

    Which row helps most depends on what people say of those before it; the judge's own verdicts stand in for that.
    """
    said = dict(people)
    order: list[LabelRow] = []
    while (row := next_row(rows, said, said)) is not None:
        order.append(row)
        said |= {answer.subject: verdict for answer, verdict in zip(row.answers, row.verdicts, strict=True)}
    return order


def label_sheet(rows: Iterable[LabelRow], criterion: str, people: PeopleLabels) -> str:
    """A CSV with one row per answer that nobody has labelled; neither the configuration nor the judge's verdict.

    Args:
        rows: In the order in which they are to be labelled.
        criterion: The judged metric.
        people: Who is labelled already.
    """
    asked = f"{criterion_question(criterion)} pass, fail or unsure"
    cells = []
    done = set(people)
    for row in rows:
        for answer in row.answers:
            if answer.subject not in done:
                chunks = "\n\n".join(answer.contexts)
                reference = " | ".join(row.right_answers)
                cells.append(
                    ("", row.question, reference, answer.text, chunks, asked, row.example_id, criterion, answer.subject)
                )
                done.add(answer.subject)
    return csv_text(_COLUMNS, cells)


def read_labels(path: Path, criterion: str, person: str = "") -> list[JudgeLabel]:
    """The labels of a file: a sheet that people have filled in, or labels that the page has written.

    Args:
        path: A CSV, JSON or JSONL with `subject` and `label` (or `choice`); rows without a label are passed over.
        criterion: Rows of another one are passed over.
        person: Who labelled, where the file does not say.

    Raises:
        BadInput: It cannot be read, has no such column, or a label is none; says which line.
    """
    text, _ = decode(read_regular_file(path, lambda size: _check_size(path, size)), str(path))
    rows, problems = read_rows(text, str(path), meanings={"question"})
    if problems:
        first = problems[0]
        raise BadInput(f"{path} {first.unit} {first.line}: {first.message}.")
    columns = {column for row in rows for column in row.values}
    if rows and not ("subject" in columns and columns & {"label", "choice"}):
        raise BadInput(
            f"{path} has no columns subject and label; fill in a file that `llmopt judge-labels --export` wrote."
        )
    labels: dict[tuple[str, str], tuple[Row, JudgeLabel]] = {}
    for row in rows:
        label = _label(row, path, criterion, person)
        if label is None:
            continue
        before = labels.setdefault((label.subject, label.person), (row, label))
        if before[1].choice != label.choice:
            raise BadInput(
                f"{path} {row.unit} {row.line}: {label.person} says {label.choice} of the answer that has "
                f"{before[1].choice} in {row.unit} {before[0].line}; one of the two must go."
            )
    return [label for _, label in labels.values()]


def _label(row: Row, path: Path, criterion: str, person: str) -> JudgeLabel | None:
    # A spreadsheet writes true as TRUE, a file of JSON as a truth value.
    values = {name: unguard_cell("" if value is None else str(value)).strip() for name, value in row.values.items()}
    said = (values.get("label") or values.get("choice") or "").casefold()
    if not said or not values.get("subject") or values.get("criterion", criterion) != criterion:
        return None
    choice = _WORDS.get(said)
    if choice is None:
        raise BadInput(f"{path} {row.unit} {row.line}: the label {said!r} is none; write pass, fail or unsure.")
    who = " ".join(values.get("person", "").split()) or person or _NOBODY
    return JudgeLabel(
        values["subject"], criterion, who, choice, values.get("example_id", ""), values.get("question", ""),
        values.get("answer", ""),
    )  # fmt: skip


def _check_size(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise BadInput(f"{path} is larger than {_LARGEST // 10**6} MB; no table of labels is.")
