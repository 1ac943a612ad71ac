"""Whose answers a judge is measured on: one or two configurations of a file or of the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.labs.evaluation.record_facts import RecordFacts, facts_from_run, facts_of_all
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_judge_labels import JudgeLabel


@dataclass(frozen=True, slots=True)
class JudgeSides:
    """One or two configurations with the records that a judge graded.

    Attributes:
        names: Of the configurations.
        facts: Their records, in the same order.
        criterion: The judged metric.
        judge: In words.
        store: Where labels are kept; None for those of a file.
        project: Whose labels.
    """

    names: tuple[str, ...]
    facts: tuple[Sequence[RecordFacts], ...]
    criterion: str
    judge: str
    store: Store | None = None
    project: str = ""

    def keep(self, labels: Sequence[JudgeLabel]) -> list[JudgeLabel]:
        """Keep labels in the workspace, if it is one; returns all that are known by now."""
        if self.store is None:
            return list(labels)
        for label in labels:
            self.store.save_judge_label(self.project, label)
        return self.store.judge_labels(self.project, self.criterion)


def sides_of_result(result: Mapping[str, Any], names: Sequence[str], criterion: str, source: str) -> JudgeSides:
    """Of a file that `evaluate --json` wrote.

    Args:
        result: What it holds.
        names: One or two configurations; by default the baseline and the last one.
        criterion: A metric; the first that a judge graded by default.
        source: The file's name, for errors.

    Raises:
        BadInput: There is no such configuration or metric.
    """
    runs = {str(run["configuration"]): run for run in result["runs"]}
    unknown = next((name for name in names if name not in runs), None)
    if unknown is not None:
        raise BadInput(f"{source} has no configuration named {unknown}; it has: {', '.join(runs)}.")
    chosen = list(dict.fromkeys(names or _usual_pair(list(runs))))
    metrics = [list(runs[name]["metrics"]) for name in chosen]
    if not chosen:
        raise BadInput(f"{source} has no configuration.")
    facts = [facts_from_run(runs[name]) for name in chosen]
    judge = str(result.get("judge") or "an unknown judge")
    return JudgeSides(tuple(chosen), tuple(facts), _criterion(metrics, facts, criterion, source), judge)


def sides_of_runs(store: Store, run_ids: Sequence[int], criterion: str) -> JudgeSides:
    """Of one or two stored runs.

    Raises:
        BadInput: There is no such run or metric, there are more than two, or they are of two projects.
    """
    runs = [store.run(run_id) for run_id in dict.fromkeys(run_ids)]
    if len(runs) > 2:
        raise BadInput("A judge is measured on one run or on two; name no more.")
    if len({run.project for run in runs}) > 1:
        raise BadInput("The two runs are of two projects, whose labels are kept apart.")
    facts = [facts_of_all(store.records(run.id)) for run in runs]
    source = " and ".join(f"run {run.id}" for run in runs)
    name = _criterion([list(run.metrics) for run in runs], facts, criterion, source)
    labels = [run.name for run in runs]
    # Two runs of one configuration are told apart by their number.
    names = tuple(f"{run.name} (run {run.id})" if labels.count(run.name) > 1 else run.name for run in runs)
    judges = ", ".join(dict.fromkeys(run.judge for run in runs))
    return JudgeSides(names, tuple(facts), name, judges, store, runs[0].project)


def _usual_pair(names: Sequence[str]) -> list[str]:
    if len(names) < 2:
        return list(names)
    first = names[baseline_position(names)]
    return [first, [name for name in names if name != first][-1]]


def _criterion(
    metrics: Sequence[Sequence[str]], facts: Sequence[Sequence[RecordFacts]], wanted: str, source: str
) -> str:
    common = [name for name in metrics[0] if all(name in others for others in metrics)]
    if wanted:
        if wanted not in common:
            raise BadInput(f"{source} has no {wanted} in all configurations; it has: {', '.join(common) or 'none'}.")
        return wanted
    judged = [name for name in common if name in METRICS and "judge" in METRICS[name].needs]
    # A configuration without documents has no faithfulness, though it was measured by it.
    graded = [name for name in judged if all(any(name in one.scores for one in side) for side in facts)]
    if not graded:
        hint = f"name one with --criterion: {', '.join(common)}" if common else "it has no metric"
        raise BadInput(f"{source} has no metric that a judge is known to have graded in all configurations; {hint}.")
    return graded[0]
