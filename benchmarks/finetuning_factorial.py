"""The half of `finetuning.py` that needs runs: base/tuned x plain/RAG on the sample project, and what was forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from llmopt_core.documents.questions import load_questions
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.experiment_file import Experiment
from llmopt_core.experiments.leaderboard import compare_runs
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.run_scores import read_run_scores
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.finetuning.training.adapters import adapters
from llmopt_core.labs.finetuning.forgetting import general_pair
from llmopt_core.labs.finetuning.training_pairs import two_by_two
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.statistics.intervals import summarize

METRICS = ("answer_f1", "exact_match")
Pairs = Sequence[tuple[int, int]]


def chat_spec(tuned: FineTunedModel) -> ModelSpec:
    if not isinstance(tuned.spec, ModelSpec):
        raise SystemExit(f"{tuned.name} is no chat model")
    return tuned.spec


def trained_before(settings: Settings, name: str) -> FineTunedModel | None:
    """The adapter of that name in the workspace."""
    return next((one.as_choice() for one in adapters(settings) if one.name == name), None)


def compare_arms(
    experiment: Experiment, names: Sequence[str], tuned: FineTunedModel, settings: Settings, limit: int | None
) -> None:
    """The four arms of the first retrieving configuration, and base and tuned over each further one."""
    plain, *rags = (experiment.configuration(name) for name in names)
    squares = [two_by_two(plain, rag, chat_spec(tuned)) for rag in rags]
    arms = list(squares[0])
    for rag, square in zip(rags[1:], squares[1:], strict=True):
        arms += [c.model_copy(update={"name": f"{c.name} ({rag.name})"}) for c in (square[1], square[3])]
    pairs = [(0, 2), (1, 3), (0, 1), (2, 3), *((at, at + 1) for at in range(4, len(arms), 2))]
    plan = Plan("two by two", arms, experiment.evaluation_set, experiment.documents, METRICS, experiment.judge,
                limit=limit)  # fmt: skip
    report(plan, pairs, settings)


def report_forgetting(plain: Configuration, tuned: FineTunedModel, settings: Settings, questions: Path) -> None:
    """Base and tuned model asked the very same on a general set."""
    general = load_questions(questions, questions.name)
    print(f"{tuned.name}: what is forgotten of {len(general.examples)} general questions")
    pair = general_pair(plain, chat_spec(tuned), tuned.name)
    report(Plan("forgetting", list(pair), general, [], METRICS, JudgeSpec()), [(0, 1)], settings)


def report(plan: Plan, pairs: Pairs, settings: Settings) -> None:
    """Run a plan; print each mean with its interval, the tokens of a request, and the paired differences."""
    store = Store.open(settings)
    store.ensure_project(str(plan.project))
    runs = [store.run(run_id) for run_id in asyncio.run(_run(plan, settings, store))]
    scored = read_run_scores(store, runs)
    ids = [example.id for example in plan.evaluation_set.examples[: plan.limit]]
    for run, scores in zip(runs, scored, strict=True):
        usages = [record.answer.usage for record in store.records(run.id) if record.answer]
        tokens = sum(usage.prompt_tokens for usage in usages) / max(1, len(usages))
        means = [estimate(metric, scores.align(metric, ids)) for metric in plan.metrics]
        print(f"  {run.name}: {', '.join(means)}, {tokens:.0f} prompt tokens (n {run.done})", flush=True)
    for before, after in pairs:
        c = compare_runs(scored[before], scored[after], plan.metrics[0])
        between = "" if c.low is None else f" [{c.low:+.3f}, {c.high:+.3f}]"
        names = f"{runs[before].name} -> {runs[after].name}"
        p_value = "" if c.p_value is None else f", p = {c.p_value:.3g}"
        print(f"  {names}: {plan.metrics[0]} {c.difference:+.3f}{between}{p_value}, {c.verdict}")
    store.close()


def estimate(metric: str, values: Sequence[float | None]) -> str:
    s = summarize(values)
    between = "" if s.low is None else f" [{s.low:.3f}, {s.high:.3f}]"
    return f"{metric} {s.mean:.3f}{between}"


async def _run(plan: Plan, settings: Settings, store: Store) -> list[int]:
    async with Models(settings, cache=store.cache) as models:
        return await run_experiment(store, plan, models)
