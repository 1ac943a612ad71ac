"""A result as it stands in a file, which may come from elsewhere: what it must hold, and its values for comparisons."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.caveats import run_caveats
from llmopt_core.experiments.comparison_family import Family, family_from, family_of
from llmopt_core.experiments.document_clusters import clusters_of
from llmopt_core.experiments.run_scores import RunScoreTable, example_content
from llmopt_core.runs.question_splits import part_of
from llmopt_core.runs.values import RunScores
from llmopt_core.text.files import read_regular_file
from llmopt_core.types.parts import PARTS

Result = dict[str, Any]
# A result of a thousand questions has some megabytes; a larger file is something else.
_LARGEST = 2_000_000_000


def read_result(path: Path) -> Result:
    """Read what `evaluate --json` wrote.

    Raises:
        BadInput: The file is missing, is not JSON, or is not such a result.
    """
    try:
        result = json.loads(read_regular_file(path, partial(_check_size, path)).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text; give a file that 'llmopt evaluate --json' wrote.") from error
    except RecursionError as error:
        raise BadInput(f"{path} is nested too deeply; give a file that 'llmopt evaluate --json' wrote.") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} line {error.lineno}: this is not JSON: {error.msg}.") from error
    if not isinstance(result, dict) or not isinstance(result.get("runs"), list):
        raise BadInput(f"{path} is no result of an evaluation: it has no list of runs.")
    for i, run in enumerate(result["runs"]):
        _check(run, f"{path}: run {i + 1}")
    return result


def _check_size(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise BadInput(f"{path} is larger than {_LARGEST // 10**9} GB; no result of an evaluation is.")


def _check(run: Any, where: str) -> None:
    if not isinstance(run, Mapping) or not {"configuration", "metrics", "records"} <= run.keys():
        raise BadInput(f"{where} needs configuration, metrics and records; give a file that 'llmopt evaluate' wrote.")
    if not isinstance(run["metrics"], Mapping) or not isinstance(run["records"], list):
        raise BadInput(f"{where}: metrics is a mapping by name and records is a list.")
    for name, metric in run["metrics"].items():
        if not _is_metric(metric):
            raise BadInput(f"{where}: the metric {name} needs numbers as mean, ci95, scored and total.")
    for number, record in enumerate(run["records"], start=1):
        if not isinstance(record, Mapping) or not {"example_id", "scores"} <= record.keys():
            raise BadInput(f"{where} has a record without example_id or scores.")
        if not _is_record(record):
            raise BadInput(f"{where}: record {number} is not written as 'llmopt evaluate --json' writes it.")


def _is_metric(metric: Any) -> bool:
    if not isinstance(metric, Mapping):
        return False
    ends = metric.get("ci95") or [None, None]
    pair = isinstance(ends, list) and len(ends) == 2
    numbers = [metric.get("mean"), metric.get("scored"), metric.get("total"), *(ends if pair else ())]
    return pair and all(value is None or is_number(value) for value in numbers)


def _is_record(record: Mapping[str, Any]) -> bool:
    scores, failure, contexts = record["scores"], record.get("failure"), record.get("contexts") or []
    return (
        isinstance(scores, Mapping)
        and all(isinstance(score, Mapping) for score in scores.values())
        and all(score.get("value") is None or is_number(score.get("value")) for score in scores.values())
        and (failure is None or isinstance(failure, Mapping))
        and isinstance(contexts, list)
        and all(isinstance(hit, Mapping) for hit in contexts)
        and (record.get("seconds") is None or is_number(record["seconds"]))
    )


def is_number(value: Any) -> bool:
    """Whether a value of a file is a number that can be reckoned with."""
    try:
        # To `isinstance` true is a number, and Python's JSON reads NaN and Infinity.
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    # An integer of hundreds of digits.
    except OverflowError:
        return False


def result_family(result: Mapping[str, Any]) -> Family:
    """What the comparisons of a result are tested together with; of an old one, its runs against the baseline."""
    family = family_from(result.get("family"))
    if family is not None:
        return family
    metrics = list(dict.fromkeys(name for run in result["runs"] for name in run["metrics"]))
    return family_of(score_tables(result), metrics)


def score_tables(result: Mapping[str, Any]) -> list[RunScoreTable]:
    """The values of all runs of a result, with the documents that their questions share."""
    clusters = result_clusters(result)
    return [scores_from(run, clusters) for run in result["runs"]]


def result_clusters(result: Mapping[str, Any]) -> dict[str, str]:
    """The clusters of the questions of a result; empty where its records do not say which documents they are about."""
    documents: dict[str, set[str]] = {}
    for run in result["runs"]:
        for record in run["records"]:
            places = record.get("references")
            names = [place.get("document") for place in places if isinstance(place, Mapping)] if places else []
            documents.setdefault(str(record["example_id"]), set()).update(map(str, names))
    return clusters_of(documents)


def result_split(result: Mapping[str, Any]) -> str:
    """The part of the set that was asked: search, confirm or never seen; empty where it is none, or nobody says."""
    values = result.get("evaluation_set")
    questions = values if isinstance(values, Mapping) else {}
    part = part_of(str(questions.get("name") or ""))
    name = str(questions.get("split") or (part[1] if part else ""))
    return name if name in PARTS else ""


def scores_from(run: Mapping[str, Any], clusters: Mapping[str, str] | None = None) -> RunScoreTable:
    """The values of one run of a result, for comparisons."""
    records = run["records"]
    metrics = list(run["metrics"])
    values = {name: [_value(record, name) for record in records] for name in metrics}
    totals = [metric.get("total") or 0 for metric in run["metrics"].values()]
    # A file may announce fewer than it holds; a total below the number of records would make no sense of the means.
    total = max(len(records), *totals) if totals else len(records)
    examples = tuple(str(record["example_id"]) for record in records)
    contents = {
        str(record["example_id"]): example_content(str(record.get("question", "")), record.get("reference"))
        for record in records
    }
    scores = RunScores(examples, values, {})
    return RunScoreTable(
        str(run["configuration"]),
        total,
        scores,
        seen=run_caveats(run).overlap_count,
        contents=contents,
        clusters=clusters or {},
        parent=str(run.get("parent") or ""),
        judge_variances=_variances(run.get("judge_variances")),
    )


def _variances(values: Any) -> dict[str, float]:
    """Of a file that may come from elsewhere: what is no variance is not known."""
    there = values.items() if isinstance(values, Mapping) else ()
    known = {
        str(name): value for name, value in there if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    return {name: float(value) for name, value in known.items() if 0 <= value < math.inf}


def _value(record: Mapping[str, Any], metric: str) -> float | None:
    value = record["scores"].get(metric, {}).get("value")
    return float(value) if isinstance(value, (int, float)) else None
