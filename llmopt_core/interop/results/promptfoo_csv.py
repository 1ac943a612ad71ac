"""Tables of promptfoo (`-o x.csv`): columns of variables, then a group of columns for each variant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.promptfoo_rows import LONGEST_LABEL, TOOL, contexts_in, question_in
from llmopt_core.interop.results.promptfoo_scores import PASS, SCORE
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    REFERENCE_NAMES,
    grade,
    is_missing,
    number,
    pick,
    text,
)
from llmopt_core.types import Failure, canonical_json

_COLUMN = re.compile(r"\[(?P<provider>[^\]]*)\] ?(?P<prompt>.*)", re.DOTALL)
_OLD_CELL = re.compile(r"\[(?P<status>PASS|FAIL|ERROR)\] ?(?:\([\d.]+\) ?)?(?P<rest>.*)", re.DOTALL)
_NONE = RowScore(None)


def is_csv(file: ResultFile) -> bool:
    """Whether this is such a table."""
    has_columns = any(_COLUMN.fullmatch(name) for name in file.header)
    return has_columns and ("Status" in file.header or _has_old_cells(file))


def _has_old_cells(file: ResultFile) -> bool:
    places = [place for place, name in enumerate(file.header) if _COLUMN.fullmatch(name)]
    return any(_OLD_CELL.fullmatch(cells[place]) for _, cells in file.table[:5] for place in places)


def read_csv(file: ResultFile) -> list[VariantResults]:
    """A variant per group of columns."""
    starts = [place for place, name in enumerate(file.header) if _COLUMN.fullmatch(name)]
    prompts = {_COLUMN.fullmatch(file.header[place])["prompt"] for place in starts}  # type: ignore[index]
    variants = []
    for start, end in zip(starts, [*starts[1:], len(file.header)], strict=True):
        match = _COLUMN.fullmatch(file.header[start])
        provider, prompt = (match["provider"], match["prompt"]) if match else ("", "")
        rows = [_csv_row(file.header, cells, starts[0], start, end) for _, cells in file.table]
        rows, notes = _without_empty_weights(rows)
        label = " ".join(prompt.split())[:LONGEST_LABEL]
        variants.append(
            VariantResults(
                tool=TOOL,
                name=f"{provider} · {label}" if len(prompts) > 1 else provider,
                details={"provider": provider, "prompt": label},
                rows=tuple(rows),
                files=(file.name,),
                notes=tuple(notes),
            )
        )
    return variants


def _csv_row(header: Sequence[str], cells: Sequence[str], first: int, start: int, end: int) -> ResultRow:
    variables = dict(zip(header[:first], cells[:first], strict=True))
    description = variables.pop("Description", "")
    # Every variant has columns of the same names: only those behind its answer are its own.
    own = dict(zip(header[start + 1 : end], cells[start + 1 : end], strict=True))
    answer, status = cells[start], own.get("Status", "")
    old = None if status else _OLD_CELL.fullmatch(answer)
    if old is not None:
        status, answer = old["status"], old["rest"].split("\n---\n")[-1].strip()
    failure = Failure("answer", "error", answer or "promptfoo's CSV gives no reason.") if status == "ERROR" else None
    return ResultRow(
        question=question_in({}, variables) if variables else description,
        id=text(pick(variables, ID_NAMES) or description),
        key=canonical_json([variables, description]),
        reference=None if (reference := pick(variables, REFERENCE_NAMES)) is None else text(reference),
        category=None if (reference := pick(variables, CATEGORY_NAMES)) is None else text(reference),
        answer=None if failure else answer,
        failure=failure,
        scores={} if failure else _csv_scores(status, own),
        contexts=contexts_in(variables),
    )


def _csv_scores(status: str, own: Mapping[str, str]) -> dict[str, RowScore]:
    reason = own.get("Grader Reason", "")
    has_passed = {"PASS": True, "FAIL": False}.get(status)
    scores = {PASS: RowScore(None if has_passed is None else float(has_passed), reason, passed=has_passed)}
    if not is_missing(own.get("Score")):
        scores[SCORE] = RowScore(grade(own["Score"]), reason)
    prefix = "Metric: "
    metrics = {name.removeprefix(prefix): cell for name, cell in own.items() if name.startswith(prefix)}
    return scores | {name: RowScore(number(cell)) for name, cell in metrics.items() if not is_missing(cell)}


def _without_empty_weights(rows: Iterable[ResultRow]) -> tuple[list[ResultRow], list[str]]:
    """The rows without metrics that are 0 on every row, passed ones too: so promptfoo writes assertions of weight 0."""
    table = list(rows)
    passes = [row for row in table if PASS in row.scores and row.scores[PASS].value == 1.0]
    names = {name for row in passes for name in row.scores if name not in (PASS, SCORE)}
    empty = {name for name in names if all(row.scores.get(name, _NONE).value in (0.0, None) for row in table)}
    if not empty:
        return table, []
    result = [
        replace(row, scores={name: score for name, score in row.scores.items() if name not in empty}) for row in table
    ]
    listing = ", ".join(sorted(empty))
    return result, [
        f"{listing}: 0 on every row, also on those that passed, as promptfoo's CSV writes assertions of weight 0; left "
        "out (the JSON file has their scores)"
    ]
