"""What came out of an experiment, as plain JSON: the same structure for `evaluate --json`, `compare` and `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.answering.tool_uses import tool_uses
from llmopt_core.databases.comparison.difficulty import difficulty
from llmopt_core.evaluation.sample import UNPROVABLE
from llmopt_core.execution.collection import collection_paused
from llmopt_core.experiments.colours import project_colours
from llmopt_core.experiments.comparison_family import Family, family_to, project_family
from llmopt_core.experiments.document_clusters import set_clusters
from llmopt_core.experiments.imported_runs import ImportSource, import_source, judge_of_runs, known_per_question
from llmopt_core.experiments.judge_noise import judge_variances
from llmopt_core.experiments.leaderboard import leaderboard
from llmopt_core.experiments.margin import project_margin
from llmopt_core.experiments.result_file import Result
from llmopt_core.experiments.resume_check import check_one_judge
from llmopt_core.experiments.run_scores import RunScoreTable, baseline_position, read_run_scores
from llmopt_core.experiments.run_votes import votes_between, votes_to
from llmopt_core.experiments.search_terms import SEARCH_TERMS, mixed_terms_note
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of
from llmopt_core.reporting.verdict_words import verdict_words
from llmopt_core.retrieval.analysis.inspect import candidate_rank, columns
from llmopt_core.runs.question_splits import part_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import PerQuestion, Run
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import summarize
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types import Hit, Record


def result_of(
    store: Store, run_ids: Sequence[int], names: Sequence[str] = (), *, traces: bool = True, margin: float | None = None
) -> Result:
    """The result of runs over one evaluation set, under these names (their own by default).

    Args:
        store: Where they lie.
        run_ids: Which runs.
        names: What they are called.
        traces: Whether traces are read, which say where the sources stood among the candidates.
        margin: Differences below it do not matter; that of the project by default.

    Raises:
        BadInput: The runs were graded by different judges.
    """
    with collection_paused:
        return _read_result(store, run_ids, names, traces=traces, margin=margin)


def _read_result(
    store: Store, run_ids: Sequence[int], names: Sequence[str], *, traces: bool, margin: float | None
) -> Result:
    runs = [store.run(run_id) for run_id in run_ids]
    check_one_judge(runs)
    first = runs[0]
    family = project_family(
        store, first.project, first.evaluation_set, first.set_version, first.judge, shown=runs, names=names
    )
    margin = margin or project_margin(store, first.project)
    per_question = store.per_question(run_ids)
    noise = judge_variances(store, runs)
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
                **({"judge_variances": noise[run.id]} if run.id in noise else {}),
                **({"parent": parent} if (parent := family.parent_of(name) or run.parent) else {}),
            }
            for run, name in zip(runs, labels, strict=True)
        ],
        "colours": project_colours(store, first.project, labels),
        "votes": votes_to(votes_between(store, runs, labels)),
        "family": family_to(family),
        "margin": margin,
        "comparisons": _comparisons(read_run_scores(store, runs, names), family, margin),
    }


def _records(store: Store, run: Run, traces: bool) -> list[Record]:
    # A run that retrieves nothing has traces that say nothing.
    return store.records(run.id, trace=traces and run.retrieves)


def _comparisons(runs: Sequence[RunScoreTable], family: Family, margin: float) -> list[dict[str, Any]]:
    """Each run against the baseline among them, by every metric that both have."""
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.scores.values))
    position = baseline_position([run.name for run in runs])
    rows = leaderboard(runs, metrics, position, family, margin)
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
        **_judge_values(comparison),
        "unit": "question" if comparison.clusters is None else "document",
        "clusters": comparison.clusters,
        "method": comparison.method,
    }


def _judge_values(comparison: Comparison) -> dict[str, Any]:
    """Where the judge's own noise is known: how wide it is, and whether the difference is inside."""
    if comparison.judge_band is None:
        return {}
    return {"judge_band": comparison.judge_band, "inside_judge_noise": comparison.inside_judge_noise}


def _run(
    run: Run, records: Sequence[Record], overlap: TrainingOverlap, each: PerQuestion, clusters: Mapping[str, str]
) -> dict[str, Any]:
    source = import_source(run.imported)
    return {
        "configuration": run.name,
        "fingerprint": run.fingerprint,
        "spec": run.configuration if source is None else None,
        "status": run.status,
        "created_at": run.created_at.isoformat() if source is None or source.has_date else None,
        "metrics": {name: _metric(name, records, run.total, clusters) for name in run.metrics},
        "tokens": _tokens(run, source),
        "cost_usd": run.usage.cost_usd,
        "model_calls": run.usage.calls,
        "cached_calls": run.usage.cached_calls,
        "seconds": run.seconds if source is None or source.has_seconds else None,
        "per_question": {**asdict(known_per_question(each, run)), "ci95": _cost_intervals(records, source)},
        "documents_version": run.documents_version,
        "uses_documents": run.retrieves if source is None or source.has_contexts else None,
        "training_overlap": overlap.model_dump(mode="json"),
        **({SEARCH_TERMS: run.options[SEARCH_TERMS]} if SEARCH_TERMS in run.options else {}),
        "caveats": [text for text in (*_caveats(run, overlap), source.sentence if source else "") if text],
        **({"imported": asdict(source)} if source else {}),
        "records": [_record(record, source) for record in records],
    }


def _cost_intervals(records: Sequence[Record], source: ImportSource | None) -> dict[str, list[float | None]]:
    """Of the means of a question that was asked afresh; without those that are not known of each of them."""
    if source is not None:
        return {}
    fresh = [one for one in records if one.usage.calls and not one.usage.cached_calls and one.failure is None]
    values: dict[str, list[float | None]] = {
        "cost_usd": [one.usage.cost_usd for one in fresh],
        "tokens": [float(one.usage.prompt_tokens + one.usage.completion_tokens) for one in fresh],
        "seconds": [one.seconds for one in fresh],
    }
    whole = {name: column for name, column in values.items() if len(column) > 1 and None not in column}
    summaries = {name: summarize(column) for name, column in whole.items()}
    return {name: [one.low, one.high] for name, one in summaries.items()}


def _caveats(run: Run, overlap: TrainingOverlap) -> tuple[str, ...]:
    terms_note = mixed_terms_note(run.options)
    return overlap.warning, overlap.note, overlap.choice_note, overlap.looks_note, _budget_note(run), terms_note


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
    unprovable = sum(name in one.scores and one.scores[name].failure_kind == UNPROVABLE for one in records)
    # Apart from what failed: nothing is wrong with these, and no better answer would give them a value.
    apart = {UNPROVABLE: unprovable} if unprovable else {}
    return {"mean": summary.mean, "ci95": ends, "scored": summary.scored, "total": summary.total, **apart}


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
        **_data(record),
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


def _data(record: Record) -> dict[str, Any]:
    """The queries of a data question, each with what came of it; nothing where no database was asked."""
    data = record.answer.data if record.answer else None
    if data is None:
        return {}
    counts = {"sql": data.sql, "status": data.attempt.status if data.attempt else None, "repairs": data.repairs}
    golds = record.example.gold_queries
    # Of the right query alone: how hard a question is must not depend on who answers it.
    level = difficulty(golds[0]) if golds else None
    return {"data": {**asdict(data), **counts, "gold_queries": list(golds), "difficulty": level}}


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
