"""Records of a run that another tool made, with what they took."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.interop.results.imported_run import Case, ImportedRun, mean_score, plain
from llmopt_core.interop.results.rows import ResultRow
from llmopt_core.types import (
    Answer,
    Chunk,
    Example,
    Failure,
    Hit,
    Record,
    Repeat,
    Score,
    Usage,
)


def total_seconds(run: ImportedRun) -> float:
    """What the run took as its file says, or the sum of its rows."""
    if run.variant.seconds is not None:
        return max(run.variant.seconds, 0.0)
    return sum(row.seconds or 0.0 for row in run.variant.rows)


def _usage(row: ResultRow) -> Usage:
    return Usage(row.prompt_tokens or 0, row.completion_tokens or 0, row.cost_usd, 1)


def total_usage(run: ImportedRun) -> Usage:
    """Tokens, cost and calls of all rows; the cost is unknown where an answer has none."""
    rows = run.variant.rows
    # A call that failed costs nothing where nothing else is said; an answer without a price makes the sum unknown.
    prices = [row.cost_usd for row in rows if row.failure is None or row.cost_usd is not None]
    cost = None if not prices or None in prices else sum(value for value in prices if value is not None)
    return Usage(
        sum(row.prompt_tokens or 0 for row in rows), sum(row.completion_tokens or 0 for row in rows), cost, len(rows)
    )


def import_record(example: Example, case: Case, run: ImportedRun) -> Record:
    """The record of an example; rows of the same example are its repeats, and their means its scores."""
    answers = [row for row in case.answers if row.failure is None]
    usage, seconds = _mean_usage(answers or case.answers), _mean_seconds(answers or case.answers)
    repeats = tuple(map(_repeat, case.answers)) if len(case.answers) > 1 else ()
    if not answers:
        failure = case.answers[0].failure or Failure("answer", "error", "The file gives no reason.")
        return Record(example, failure=failure, usage=usage, seconds=seconds, repeats=repeats)
    # A row may lack the answer that another repeat has.
    first = next((row for row in answers if row.answer is not None), answers[0])
    scores = {metric: _score(metric, case.answers, run) for metric in run.metrics}
    answer = None if first.answer is None else _answer(first, usage, seconds)
    return Record(example, answer, scores=scores, usage=usage, seconds=seconds, repeats=repeats)


def _score(metric: str, rows: Sequence[ResultRow], run: ImportedRun) -> Score:
    score = mean_score(metric, rows)
    judge = f"{score.judge} in {run.variant.tool}" if score.judge else run.variant.tool
    return Score(metric, score.value, score.explanation, failure=score.failure, passed=score.passed, judge=judge)


def _answer(row: ResultRow, usage: Usage, seconds: float) -> Answer:
    return Answer(
        row.answer or "",
        tuple(Hit(Chunk(one.document, 0, 0, one.text), one.score or 0.0) for one in row.contexts or ()),
        prompt=row.prompt,
        usage=usage,
        seconds=seconds,
        finish_reason=row.finish_reason,
    )


def _repeat(row: ResultRow) -> Repeat:
    failure = plain(row.failure.message) if row.failure else ""
    return Repeat(row.answer, {name: score.value for name, score in row.scores.items()}, failure, row.seconds)


def _mean_usage(rows: Sequence[ResultRow]) -> Usage:
    usages = [_usage(row) for row in rows]
    total = sum(usages, Usage())
    count = len(usages)
    cost = None if total.cost_usd is None else total.cost_usd / count
    return Usage(round(total.prompt_tokens / count), round(total.completion_tokens / count), cost, 1)


def _mean_seconds(rows: Sequence[ResultRow]) -> float:
    times = [row.seconds for row in rows if row.seconds is not None]
    return sum(times) / len(times) if times else 0.0
