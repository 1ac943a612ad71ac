"""What the adviser needs, out of a file that `evaluate --json` wrote, whatever of it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any

from llmopt_core.experiments.caveats import run_caveats
from llmopt_core.experiments.leaderboard import leaderboard
from llmopt_core.experiments.margin import margin_in
from llmopt_core.experiments.result_file import result_clusters, result_family, scores_from
from llmopt_core.experiments.run_scores import RunScoreTable, baseline_position
from llmopt_core.labs.evaluation.adviser.advise import Situation
from llmopt_core.labs.evaluation.adviser.causes import examine, without_claims_on_lookup
from llmopt_core.labs.evaluation.adviser.drops import Drop
from llmopt_core.labs.evaluation.adviser.from_means import examine_means
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.traits import traits_of
from llmopt_core.labs.evaluation.record_facts import facts_from_run, run_retrieves
from llmopt_core.runs.values import PerQuestion, finite
from llmopt_core.statistics.intervals import Summary

# So many words beside question and chunks are no accident of how tokens are counted or chunks are wrapped.
_SURELY_LONG = 1500


def situation_from_result(result: Mapping[str, Any], dropped: Sequence[Drop] = ()) -> Situation:
    """The runs of a result.

    Args:
        result: See `read_result`.
        dropped: What a person has dropped in the project; a file does not say it.
    """
    runs = [run for run in result["runs"] if run["records"] or _means(run)]
    if not runs:
        return Situation()
    clusters = result_clusters(result)
    tables = [scores_from(run, clusters) for run in runs]
    metrics = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    position = baseline_position([table.name for table in tables])
    rows = leaderboard(tables, metrics, position, result_family(result), margin_in(result))
    advised = []
    for run, table, row in zip(runs, tables, rows, strict=True):
        comparisons = {name: cell.versus for name, cell in row.cells.items() if cell.versus is not None}
        measured = {name: cell.summary for name, cell in row.cells.items() if cell.summary.scored}
        advised.append(_run(run, table, measured or _means(run), comparisons))
    return Situation(advised, dropped=dropped, margin=margin_in(result))


def _run(
    run: Mapping[str, Any], table: RunScoreTable, summaries: Mapping[str, Summary], comparisons: Mapping[str, Any]
) -> AdvisedRun:
    records = run["records"]
    spec = run.get("spec") if isinstance(run.get("spec"), Mapping) else None
    counts = [len(contexts) for record in records if (contexts := record.get("contexts"))]
    retrieves = run_retrieves(run) if records else any(name.startswith("context_") for name in summaries)
    given = round(median(counts)) if counts else None
    examination = partial(examine_means, summaries, retrieves=retrieves)
    if records:
        # At use: the records of most runs of a file are never looked at.
        examination = partial(_examine, run, summaries, retrieves)
    return AdvisedRun(
        table.name,
        table.total,
        len(records) or table.total,
        sum(bool(record.get("failure")) for record in records),
        traits_of(spec, table.name, retrieves=retrieves, given=given, sent_words=_instruction_words(run)),
        summaries,
        table,
        examination,
        spec,
        comparisons,
        run_caveats(run).overlap_count,
        each=_per_question(run),
        fingerprint=str(run.get("fingerprint") or ""),
        calls_each=_calls_each(run),
        measured_at=_moment(run.get("created_at")),
    )


def _calls_each(run: Mapping[str, Any]) -> float | None:
    counts = [finite(run.get(name)) for name in ("model_calls", "cached_calls")]
    calls = sum(count for count in counts if count is not None)
    return calls / len(run["records"]) if calls and run["records"] else None


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _instruction_words(run: Mapping[str, Any]) -> int:
    """How long the instructions are, by the tokens that were sent beside question and chunks."""
    tokens = run.get("tokens")
    sent = finite(tokens.get("prompt")) if isinstance(tokens, Mapping) else None
    asked = [record for record in run["records"] if record.get("answer") is not None]
    if not sent or not asked:
        return 0
    texts = [str(record.get("question") or "") for record in asked]
    texts += [str(hit.get("text") or "") for record in asked for hit in record.get("contexts") or ()]
    # A token is about four characters, and three quarters of a word. Two calls for an answer send it twice.
    calls = max(1.0, (run.get("model_calls") or 0) / len(asked))
    words = round((sent / calls - sum(map(len, texts)) / 4) / len(asked) * 0.75)
    return words if words >= _SURELY_LONG else 0


def _examine(run: Mapping[str, Any], summaries: Mapping[str, Summary], retrieves: bool) -> Any:
    examination = examine(facts_from_run(run), summaries, retrieves=retrieves)
    source = run_caveats(run).source
    return without_claims_on_lookup(examination) if source and not source.has_contexts else examination


def _means(run: Mapping[str, Any]) -> dict[str, Summary]:
    """The means as the file says them, for a file that holds no records."""
    means = {}
    for name, metric in run["metrics"].items():
        low, high = metric.get("ci95") or (None, None)
        if metric.get("mean") is not None:
            counts = [int(metric.get(key) or 0) for key in ("scored", "total")]
            means[str(name)] = Summary(float(metric["mean"]), low, high, *counts)
    return means


def _per_question(run: Mapping[str, Any]) -> PerQuestion:
    stored = run.get("per_question")
    values = stored if isinstance(stored, Mapping) else {}
    if values.get("asked"):
        return PerQuestion(int(values["asked"]), 0, None, finite(values.get("seconds")), finite(values.get("cost_usd")))
    # Files of earlier versions and of other tools: what all of it took, over the records.
    count = len(run["records"]) or 1
    seconds, cost = finite(run.get("seconds")), finite(run.get("cost_usd"))
    if run.get("cached_calls") and not run.get("model_calls"):
        # All of it came from the cache: the file says what that took, which is nothing.
        return PerQuestion(0, count)
    return PerQuestion(count, 0, None, seconds and seconds / count, None if cost is None else cost / count)
