"""What the adviser needs, out of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from llmopt_core.experiments.document_clusters import set_clusters
from llmopt_core.experiments.imported_runs import import_source
from llmopt_core.experiments.margin import project_margin
from llmopt_core.experiments.measured_run import MeasuredRun
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.labs.evaluation.adviser.advise import Situation
from llmopt_core.labs.evaluation.adviser.causes import Examination, examine, without_claims_on_lookup
from llmopt_core.labs.evaluation.adviser.drops import Drop, read_drops
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.labs.evaluation.adviser.traits import traits_of
from llmopt_core.labs.evaluation.record_facts import facts_of_all
from llmopt_core.models.base import BUILTIN
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import PerQuestion, Run, RunScores
from llmopt_core.statistics.intervals import Summary

_OWN_JUDGE = "built-in"
"""How the label of the built-in judge begins, whatever its version."""

Examine = Callable[[Run, Mapping[str, Summary]], Examination]


def read_situation(store: Store, entries: Sequence[MeasuredRun], setup: ProjectSetup | None = None) -> Situation:
    """The situation of measured runs, with all that it takes read from the store."""
    ids = [entry.run.id for entry in entries]
    tables, each = store.scores(ids), store.per_question(ids)
    drops = read_drops(store, entries[0].run.project) if entries else ()
    margin = project_margin(store, entries[0].run.project) if entries else None
    clusters = entry_clusters(store, entries)
    return situation_of(entries, tables, each, partial(examine_run, store), setup, dropped=drops, margin=margin,
                        clusters=clusters)  # fmt: skip


def entry_clusters(store: Store, entries: Sequence[MeasuredRun]) -> Mapping[str, str]:
    """The documents that the questions of these runs share: they are no independent ones."""
    if not entries:
        return {}
    first = entries[0].run
    return set_clusters(store, first.project, first.evaluation_set, first.set_version)


def situation_of(
    entries: Sequence[MeasuredRun],
    scores: Mapping[int, RunScores],
    each: Mapping[int, PerQuestion],
    examine_entry: Examine,
    setup: ProjectSetup | None = None,
    *,
    dropped: Sequence[Drop] = (),
    margin: float | None = None,
    clusters: Mapping[str, str] | None = None,
) -> Situation:
    """The situation of measured runs.

    Args:
        entries: On the same questions, by the same judge.
        scores: By the run's id.
        each: What a question takes, by the run's id.
        examine_entry: Gives the causes of a run; called for few runs. See `examine_run`.
        setup: What the project has.
        dropped: What a person has dropped, see `read_drops`.
        margin: Of the project; None for the usual one.
        clusters: The documents that questions share, see `set_clusters`.
    """
    runs = [_run(entry, scores, each, examine_entry, clusters or {}) for entry in entries]
    return Situation(runs, setup, dropped, margin)


def examine_run(store: Store, run: Run, summaries: Mapping[str, Summary]) -> Examination:
    """The cause of each record of a stored run; reads its records with their traces."""
    records = store.records(run.id, trace=run.retrieves)
    examination = examine(facts_of_all(records, retrieves=run.retrieves), summaries, retrieves=run.retrieves)
    source = import_source(run.imported)
    return without_claims_on_lookup(examination) if source and not source.has_contexts else examination


def _run(
    entry: MeasuredRun,
    scores: Mapping[int, RunScores],
    each: Mapping[int, PerQuestion],
    examine_entry: Examine,
    clusters: Mapping[str, str],
) -> AdvisedRun:
    run = entry.run
    # What is known of another tool's configuration is none of ours to change.
    spec = None if run.imported else run.configuration
    return AdvisedRun(
        entry.name,
        run.total,
        run.done,
        run.failed,
        traits_of(spec, entry.name, retrieves=run.retrieves),
        entry.summaries,
        RunScoreTable(entry.name, run.total, scores[run.id], run.id, entry.overlap_count, clusters=clusters),
        partial(examine_entry, run, entry.summaries),
        spec,
        entry.comparisons,
        entry.overlap_count,
        run.id,
        _per_question(run, each[run.id]),
        run.fingerprint,
        _calls_each(run),
        run.created_at,
    )


def _calls_each(run: Run) -> float | None:
    usage = run.usage
    return (usage.calls + usage.cached_calls) / run.done if run.done and not run.imported else None


def _per_question(run: Run, each: PerQuestion) -> PerQuestion:
    """What a question takes; where all answers came from the cache, the money that they took at first."""
    usage = run.usage.original
    if each.asked or not run.done:
        return each
    if usage is None or usage.cost_usd is None:
        endpoint = (run.configuration.get("model") or {}).get("endpoint", BUILTIN)
        # What came from the cache of earlier versions has no price, and the built-in model and judge never have one.
        return replace(each, cost_usd=0.0) if endpoint == BUILTIN and run.judge.startswith(_OWN_JUDGE) else each
    return replace(each, cost_usd=usage.cost_usd / run.done)
