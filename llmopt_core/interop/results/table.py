"""Tables of questions, answers and scores: what Ragas writes, and tables of one's own such as its experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import Context, ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    QUESTION_NAMES,
    REFERENCE_NAMES,
    count,
    grade,
    is_missing,
    number,
    pick,
    plain_error,
    question_of,
    text,
    texts,
    used_tokens,
)
from llmopt_core.types import Failure
from llmopt_core.types.grouping import group_values

# An experiment of Ragas is a table of one's own columns: nothing in it tells where it is from.
RAGAS, TABLE = "Ragas", "table"
_QUESTIONS = ("user_input", *QUESTION_NAMES, "inputs")
_ANSWERS = (
    "response", "answer", "actual_output", "output", "outputs", "prediction", "completion", "generated_answer",
)  # fmt: skip
_REFERENCES = tuple(name for name in REFERENCE_NAMES if name not in ("answer", "label"))
_CONTEXTS = ("retrieved_contexts", "retrieved_context", "contexts", "context", "retrieval_context")
_ERRORS = ("error", "exception", "error_message")
_VARIANTS = ("variant", "configuration", "model", "experiment_name", "experiment")
_SECONDS = ("seconds", "latency_s", "latency", "duration", "response_time", "time")
_MILLISECONDS = ("latency_ms", "duration_ms", "execution_duration")
_COSTS = ("cost_usd", "cost", "total_cost", "price")
_REPEATS = ("repeat", "repetition", "epoch", "run", "repetition_number", "attempt")
# Numbers that grade nothing.
_NO_SCORES = frozenset(
    (*ID_NAMES, *_SECONDS, *_MILLISECONDS, *_COSTS, *_REPEATS, *_VARIANTS, *_QUESTIONS, *_ANSWERS, *REFERENCE_NAMES,
     *_CONTEXTS, *CATEGORY_NAMES, *_ERRORS, "reference_contexts", "index", "unnamed: 0", "row", "number", "temperature",
     "seed", "max_tokens", "top_p", "tokens", "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens",
     "output_tokens", "timestamp", "created_at", "date", "token_count", "rubrics", "multi_responses", "ground_truths",
     "")
)  # fmt: skip
_REASONS = ("_reason", "_rationale", "_explanation", "_comment")


def kind(file: ResultFile) -> str:
    """`ragas`, `table`, or `questions` for a table without answers and scores; empty where it is no table."""
    columns = {str(name).casefold() for name in file.first}
    if not columns & set(_QUESTIONS) or not file.objects:
        return ""
    has_scores = bool(_metrics(file.objects))
    if not has_scores and not _has_answers(columns):
        return "questions"
    return "ragas" if {"user_input", "response"} <= columns else "table"


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """The variants of each table: by its column of models or configurations, where it has one."""
    variants: list[VariantResults] = []
    for file, form in files:
        if form in ("ragas", "table"):
            variants += read_table(file, RAGAS if form == "ragas" else TABLE)
    return variants


def read_table(file: ResultFile, tool: str) -> list[VariantResults]:
    """The variants of one table of a tool."""
    rows = file.objects
    metrics = _metrics(rows)
    names = {name.casefold(): name for name in rows[0] if isinstance(name, str)}
    column = next((names[name] for name in _VARIANTS if name in names), "")
    groups = group_values((text(row.get(column)) if column else "", row) for row in rows)
    return [
        VariantResults(
            tool=tool,
            name=name,
            model=name if column.casefold() == "model" else "",
            rows=tuple(_row(row, metrics) for row in group),
            files=(file.name,),
            notes=(f"taken for scores: {', '.join(metrics) or 'no column'}",),
        )
        for name, group in groups.items()
    ]


def _has_answers(columns: set[str]) -> bool:
    """Whether a column holds what was answered; a lone `answer` beside questions is what is right."""
    others = columns & set(_ANSWERS) - {"answer"}
    return bool(others) or ("answer" in columns and bool(columns & set(_REFERENCES)))


def _metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Columns of which every cell that says something is a number or a verdict."""
    columns = list(dict.fromkeys(name for row in rows for name in row if isinstance(name, str)))
    return [name for name in columns if name.casefold() not in _NO_SCORES and _is_metric(name, rows)]


def _is_metric(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    cells = [cell for row in rows if not is_missing(cell := row.get(name))]
    return bool(cells) and all(grade(cell) is not None for cell in cells)


def _row(row: Mapping[str, Any], metrics: Sequence[str]) -> ResultRow:
    error = pick(row, _ERRORS)
    failure = None if error is None else Failure("answer", "error", plain_error(error))
    by_lower_name = {str(name).casefold(): value for name, value in row.items()}
    answer_name = next((name for name in _ANSWERS if name in by_lower_name), "")
    references = texts(pick(by_lower_name, [name for name in REFERENCE_NAMES if name != answer_name]))
    category, row_id = pick(row, CATEGORY_NAMES), pick(row, ID_NAMES)
    prompt_tokens, completion_tokens = used_tokens(
        {name: by_lower_name[name] for name in ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
         if name in by_lower_name}
    )  # fmt: skip
    milliseconds = number(pick(row, _MILLISECONDS))
    return ResultRow(
        question=question_of(pick(row, _QUESTIONS)),
        id="" if row_id is None else text(row_id),
        reference=references[0] if references else None,
        right_answers=references,
        category=None if category is None else text(category),
        # An empty cell is an empty answer: tables have no other way to write one.
        answer=None if failure or not answer_name else text(by_lower_name[answer_name]),
        failure=failure,
        scores={} if failure else {name: _score(row, name) for name in metrics},
        contexts=_contexts(pick(row, _CONTEXTS)),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=number(pick(row, _COSTS)),
        seconds=milliseconds / 1000 if milliseconds is not None else number(pick(row, _SECONDS)),
        repeat=count(pick(row, _REPEATS)),
    )


def _score(row: Mapping[str, Any], name: str) -> RowScore:
    reasons = (text(row[name + ending]) for ending in _REASONS if not is_missing(row.get(name + ending)))
    explanation = next(reasons, "")
    value = grade(row.get(name))
    return RowScore(value, explanation, "" if value is not None else "the cell is empty: it could not be computed")


def _contexts(value: Any) -> tuple[Context, ...] | None:
    return None if value is None else tuple(Context(item) for item in texts(value))
