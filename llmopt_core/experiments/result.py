"""What came out of an experiment, as plain JSON: the same structure for `evaluate --json`, `compare` and `report`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.answering.tool_uses import tool_uses
from llmopt_core.errors import BadInput
from llmopt_core.experiments.caveats import run_caveats
from llmopt_core.experiments.colours import project_colours
from llmopt_core.experiments.comparison_family import Family, family_from, family_of, family_to, project_family
from llmopt_core.experiments.document_clusters import clusters_of, set_clusters
from llmopt_core.experiments.imported_runs import ImportSource, import_source, judge_of_runs, known_per_question
from llmopt_core.experiments.leaderboard import leaderboard
from llmopt_core.experiments.resume_check import check_one_judge
from llmopt_core.experiments.run_scores import RunScoreTable, baseline_position, example_content, read_run_scores
from llmopt_core.experiments.run_votes import votes_between, votes_to
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of
from llmopt_core.reporting.verdict_words import verdict_words
from llmopt_core.retrieval.analysis.inspect import candidate_rank, columns
from llmopt_core.runs.question_splits import part_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import PerQuestion, Run, RunScores
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Hit, Record
from llmopt_core.types.parts import PARTS

Result = dict[str, Any]
# A result of a thousand questions has some megabytes; a larger file is something else.
_LARGEST = 2_000_000_000


def result_of(store: Store, run_ids: Sequence[int], names: Sequence[str] = (), *, traces: bool = True) -> Result:
    """The result of runs over one evaluation set, under these names (their own by default).

    Args:
        store: Where they lie.
        run_ids: Which runs.
        names: What they are called.
        traces: Whether traces are read, which say where the sources stood among the candidates.

    Raises:
        BadInput: The runs were graded by different judges.
    """
    runs = [store.run(run_id) for run_id in run_ids]
    check_one_judge(runs)
    first = runs[0]
    family = project_family(
        store, first.project, first.evaluation_set, first.set_version, first.judge, shown=runs, names=names
    )
    per_question = store.per_question(run_ids)
    labels = list(names) or [run.name for run in runs]
    clusters = set_clusters(store, first.project, first.evaluation_set, first.set_version)
    size = len(store.evaluation_set(first.project, first.evaluation_set, first.set_version).examples)
    return {
        "project": first.project,
        "evaluation_set": {
            "name": first.evaluation_set,
            "version": first.set_version,
            "size": size,
            **({"split": part[1]} if (part := part_of(first.evaluation_set)) else {}),
        },
        "judge": judge_of_runs(runs),
        "runs": [
            {
                **_run(run, _records(store, run, traces), overlap_of(store, run), per_question[run.id], clusters),
                "configuration": name,
            }
            for run, name in zip(runs, labels, strict=True)
        ],
        "colours": project_colours(store, first.project, labels),
        "votes": votes_to(votes_between(store, runs, labels)),
        "family": family_to(family),
        "comparisons": _comparisons(read_run_scores(store, runs, names), family),
    }


def _records(store: Store, run: Run, traces: bool) -> list[Record]:
    # A run that retrieves nothing has traces that say nothing.
    return store.records(run.id, trace=traces and run.retrieves)


def _comparisons(runs: Sequence[RunScoreTable], family: Family) -> list[dict[str, Any]]:
    """Each run against the baseline among them, by every metric that both have."""
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.scores.values))
    position = baseline_position([run.name for run in runs])
    rows = leaderboard(runs, metrics, position, family)
    return [
        {"metric": metric, "a": runs[position].name, "b": row.name, **comparison_values(cell.versus)}
        for row in rows
        for metric, cell in row.cells.items()
        if cell.versus is not None
    ]


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain values.

    `ci95` is the interval that belongs to the verdict: it holds at 95 % for all `family` comparisons that are tested
    together, and at `confidence` for this one alone.
    """
    return {
        "mean_a": comparison.before,
        "mean_b": comparison.after,
        "difference": comparison.difference,
        "ci95": [comparison.low, comparison.high],
        "confidence": comparison.confidence,
        "p_value": comparison.p_value,
        "p_unadjusted": comparison.p_unadjusted,
        "family": comparison.family,
        "pairs": comparison.pairs,
        "dropped": comparison.dropped,
        "verdict": comparison.verdict,
        "words": verdict_words(comparison),
        "margin": comparison.margin,
        "more_questions": comparison.more_questions,
        "visible_difference": comparison.visible,
        "unit": "question" if comparison.clusters is None else "document",
        "clusters": comparison.clusters,
        "method": comparison.method,
    }


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


def _run(
    run: Run, records: Sequence[Record], overlap: TrainingOverlap, each: PerQuestion, clusters: Mapping[str, str]
) -> dict[str, Any]:
    source = import_source(run.imported)
    return {
        "configuration": run.name,
        "fingerprint": run.fingerprint,
        **({"parent": run.parent} if run.parent else {}),
        "spec": run.configuration if source is None else None,
        "status": run.status,
        "created_at": run.created_at.isoformat() if source is None or source.has_date else None,
        "metrics": {name: _metric(name, records, run.total, clusters) for name in run.metrics},
        "tokens": _tokens(run, source),
        "cost_usd": run.usage.cost_usd,
        "model_calls": run.usage.calls,
        "cached_calls": run.usage.cached_calls,
        "seconds": run.seconds if source is None or source.has_seconds else None,
        "per_question": asdict(known_per_question(each, run)),
        "documents_version": run.documents_version,
        "uses_documents": run.retrieves if source is None or source.has_contexts else None,
        "training_overlap": overlap.model_dump(mode="json"),
        "caveats": [text for text in (*_caveats(run, overlap), source.sentence if source else "") if text],
        **({"imported": asdict(source)} if source else {}),
        "records": [_record(record, source) for record in records],
    }


def _caveats(run: Run, overlap: TrainingOverlap) -> tuple[str, ...]:
    return overlap.warning, overlap.note, overlap.choice_note, overlap.looks_note, _budget_note(run)


def _tokens(run: Run, source: ImportSource | None) -> dict[str, int | None]:
    # What no file says is not 0.
    if source is not None and not source.has_tokens:
        return {"prompt": None, "completion": None}
    return {"prompt": run.usage.prompt_tokens, "completion": run.usage.completion_tokens}


def _budget_note(run: Run) -> str:
    """Why it has no more answers, where its budget is the reason."""
    return run.error if run.status == "budget-reached" else ""


def _metric(name: str, records: Sequence[Record], total: int, clusters: Mapping[str, str]) -> dict[str, Any]:
    values = [record.scores[name].value if name in record.scores else None for record in records]
    labels = [clusters.get(record.example.id, f"question {record.example.id}") for record in records]
    missing = range(total - len(values))
    summary = summarize_clusters([*values, *(None for _ in missing)], [*labels, *missing] if clusters else None)
    ends = [summary.low, summary.high]
    # With the examples that have no record yet, so that a run that was stopped shows how much of it is missing.
    return {"mean": summary.mean, "ci95": ends, "scored": summary.scored, "total": summary.total}


def _record(record: Record, source: ImportSource | None = None) -> dict[str, Any]:
    return {
        "example_id": record.example.id,
        "question": record.example.question,
        "reference": record.example.reference,
        **({"right_answers": list(right_answers)} if len(right_answers := record.example.right_answers) > 1 else {}),
        "category": record.example.category,
        **_references(record),
        "answer": record.answer.text if record.answer else None,
        **_ending_fields(record),
        **_tools(record),
        "contexts": [_context(hit) for hit in (record.answer.hits if record.answer else ())],
        "scores": {
            name: {"value": score.value, "explanation": score.explanation, "failure": score.failure or None}
            for name, score in record.scores.items()
        },
        "failure": record.failure
        and {
            "stage": record.failure.stage,
            "kind": record.failure.kind,
            "message": record.failure.message,
        },
        "seconds": record.seconds if source is None or source.has_seconds else None,
        **({"repeats": [asdict(repeat) for repeat in record.repeats]} if record.repeats else {}),
    }


def _references(record: Record) -> dict[str, Any]:
    """Where the answer stands, and the rank of each place among the candidates; without a trace nothing is said."""
    places = [
        {**asdict(span), "candidate_rank": candidate_rank(record.trace, span)} for span in record.example.references
    ]
    candidates = {hit.chunk.id for column in columns(record.trace) for hit in column.stage.hits}
    return {"references": places, "candidates": len(candidates) or None}


def _ending_fields(record: Record) -> dict[str, Any]:
    answer = record.answer
    if answer is None:
        return {"finish_reason": None, "ending": None, "reasoning": None, "reasoning_tokens": None}
    return {
        "finish_reason": answer.finish_reason or None,
        "ending": describe_finish(answer) or None,
        "reasoning": answer.reasoning or None,
        "reasoning_tokens": answer.reasoning_tokens,
    }


def _tools(record: Record) -> dict[str, Any]:
    """The tools that were called, where there were any; `result` is None where nobody ran the call."""
    uses = tool_uses(record.answer) if record.answer else ()
    return {"tool_calls": [{**asdict(use.call), "result": use.result} for use in uses]} if uses else {}


def _context(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    place = (chunk.start, chunk.end) if chunk.has_place else (None, None)
    return {
        "document": chunk.document or None,
        "start": place[0],
        "end": place[1],
        "text": chunk.text,
        "score": hit.known_score,
    }


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


def is_number(value: Any) -> bool:
    """Whether a value of a file is a number that can be reckoned with."""
    try:
        # To `isinstance` true is a number, and Python's JSON reads NaN and Infinity.
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    # An integer of hundreds of digits.
    except OverflowError:
        return False


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
    )


def _value(record: Mapping[str, Any], metric: str) -> float | None:
    value = record["scores"].get(metric, {}).get("value")
    return float(value) if isinstance(value, (int, float)) else None
