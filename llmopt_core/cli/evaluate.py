"""`llmopt evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.coverage import MIN_COVERAGE, OUT_OF_BUDGET, TOO_LOW, explain_empty_budget, too_few_answers
from llmopt_core.cli.leaderboard_text import leaderboard_text, run_caveat_lines
from llmopt_core.cli.output import (
    JsonOption,
    QuestionColumnOption,
    QuestionsEncodingOption,
    SplitOption,
    TrustOption,
    note,
    print_error,
    printable,
    write_json,
)
from llmopt_core.cli.setup import note_long_questions, note_windows, open_models, open_workspace, read_experiment

if TYPE_CHECKING:
    from llmopt_core.cli.thresholds import Threshold
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.experiments.plan import Plan
    from llmopt_core.experiments.progress import RunProgress
    from llmopt_core.runs.store import Store


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Run an experiment file and print the leaderboard.")(evaluate)


def evaluate(
    file: Annotated[Path, typer.Argument(help="Experiment file (YAML).")],
    *,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many of the first questions.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=1000, help="Questions at once (4).")] = None,
    configuration: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=V",
            help="Exit with 1 where a mean is worse than V, or too few questions could be scored for it "
            "(--min-coverage). CONFIGURATION:METRIC=V checks one configuration.",
        ),
    ] = None,
    min_coverage: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Exit with 4 where a smaller share of the answers came, and let --fail-under fail where a smaller "
            "share of the questions could be scored.",
        ),
    ] = MIN_COVERAGE,
    baseline: Annotated[str, typer.Option(help="Compare with this configuration (the one named baseline).")] = "",
    budget: Annotated[float | None, typer.Option(metavar="USD", help="The most all runs may cost together.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start new runs; do not continue stopped ones.")] = False,
    column: QuestionColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    split: SplitOption = "",
    trust: TrustOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    json: JsonOption = "",
) -> int:
    """Run an experiment file."""
    import asyncio

    from llmopt_core.cli.thresholds import parse_thresholds
    from llmopt_core.experiments.grading import metrics_to_record
    from llmopt_core.experiments.result import result_of

    experiment = read_experiment(file, column, questions_encoding, trust, split)
    names = configuration or [item.name for item in experiment.configurations]
    metrics = metrics_to_record(experiment.metrics, experiment.evaluation_set.examples[:limit])
    # Before anything is asked: a mistyped metric or name must not show after an hour of paid answers.
    thresholds = parse_thresholds(fail_under or [], metrics, names)
    _, store = open_workspace()
    # The option's own value goes to the models below: without it an endpoint keeps its own limit.
    plan = _plan(experiment, names, concurrency or 4, limit, budget)
    if baseline:
        experiment.configuration(baseline)  # Only to refuse a name that is not there, before it costs anything.
    run_ids = asyncio.run(_run(store, plan, experiment, concurrency=concurrency, resume=not fresh, quiet=quiet))
    result = result_of(store, run_ids)
    if budget is not None:
        note(_budget_line(store, run_ids, budget))
    if json:
        write_json({**result, "notes": list(experiment.notes)}, json)
    # Stdout holds nothing but the JSON then, so what must be said beside the numbers goes to stderr.
    if json != "-":
        print(leaderboard_text(store, run_ids, experiment, baseline))
    else:
        for line in run_caveat_lines(store, run_ids):
            note(line)
    return _verdict(store, run_ids, result, thresholds, min_coverage)


def _budget_line(store: Store, run_ids: list[int], budget: float) -> str:
    from llmopt_core.execution.money import dollars

    # An unknown price counts nothing here; where there is a budget, unpriced models were refused before.
    cost = sum(store.run(run_id).usage.cost_usd or 0.0 for run_id in run_ids)
    remaining = dollars(max(0.0, budget - cost))
    return f"llmopt: {dollars(cost)} of the budget of {dollars(budget)} are spent, {remaining} are left"


def _plan(experiment: Experiment, names: list[str], concurrency: int, limit: int | None, budget: float | None) -> Plan:
    from llmopt_core.experiments.plan import Plan

    return Plan(
        project=experiment.project,
        configurations=[experiment.configuration(name) for name in names],
        evaluation_set=experiment.evaluation_set,
        documents=experiment.documents,
        metrics=experiment.metrics,
        judge=experiment.judge,
        concurrency=concurrency,
        limit=limit,
        budget_usd=budget,
        parents=experiment.parents,
    )


async def _run(
    store: Store, plan: Plan, experiment: Experiment, *, concurrency: int | None, resume: bool, quiet: bool
) -> list[int]:
    from llmopt_core.experiments.experiment import (
        check_new_budget,
        list_resume_problems,
        run_experiment,
        save_experiment,
    )

    async with open_models(store, experiment, concurrency) as models:
        # Saved before the first call, so that the app shows the run while it goes on.
        save_experiment(store, experiment)
        # `--fresh` continues nothing, so nothing can stand in the way of it.
        for line in list_resume_problems(store, plan) if resume else ():
            note(f"llmopt: {line}")
        # With a budget, the run itself compares it with what was spent.
        if resume and plan.budget_usd is None:
            check_new_budget(store, plan)
        questions = [example.question for example in plan.evaluation_set.examples[: plan.limit]]
        note_long_questions(plan.configurations, questions, models)
        progress = None if quiet else Follower()
        run_ids = await run_experiment(store, plan, models, on_progress=progress, resume=resume)
        # After the run: the chunks are in the cache by now, and need not be cut for the sake of a note.
        note_windows(plan.configurations, plan.documents, models, store)
        return run_ids


class Follower:
    """Prints how far the runs are: a moving line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        import sys
        import time

        # Not the wall clock, which may be set while a run goes on.
        self._clock = time.monotonic
        self._stream = sys.stderr
        self._live = sys.stderr.isatty()
        self._next = 0.0
        # Of these the end was told: several questions at work may end as the last one.
        self._finished_stages: set[tuple[int, str]] = set()

    def __call__(self, progress: RunProgress) -> None:
        """Show one moment of a run."""
        whole = progress.done >= progress.total
        key = (progress.run_id, progress.stage)
        # The end of a stage is always told, even right after another line.
        if (whole and key in self._finished_stages) or (not whole and self._clock() < self._next):
            return
        if whole:
            self._finished_stages.add(key)
        # Seconds. A terminal shows a line that moves; a log keeps every line, and is read later.
        self._next = self._clock() + (0.1 if self._live else 10.0)
        line = printable(_line_of(progress))
        if self._live:
            # Back to the start and erase to the end of the line: a shorter line would leave the rest of a longer one.
            self._stream.write(f"\r\033[K{line}" + ("\n" if whole else ""))
            self._stream.flush()
        else:
            note(line)


def _line_of(progress: RunProgress) -> str:
    from llmopt_core.reporting.progress_summary import ProgressSummary

    # Vectors are made for chunks, and questions are not asked yet.
    indexing = progress.stage == "indexing"
    now = ProgressSummary(progress.done, progress.total, "texts" if indexing else "questions", progress.seconds_left,
                   progress.usage.cost_usd, progress.left_usd)  # fmt: skip
    words = "indexing, " if indexing else ""
    failure_words = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{progress.configuration}: {words}{now.line}{failure_words}"


def _verdict(
    store: Store, run_ids: list[int], result: dict[str, Any], thresholds: list[Threshold], min_coverage: float
) -> int:
    from llmopt_core.cli.thresholds import misses

    runs = [store.run(run_id) for run_id in run_ids]
    miss_lines = [*misses(thresholds, result, min_coverage), *_failure_lines(store, run_ids)]
    few = too_few_answers(runs, min_coverage)
    # Everything is told before the code is chosen: a failed run may have missed a threshold as well.
    for line in miss_lines:
        note(f"llmopt: {line}")
    for run in runs:
        if run.status == "failed":
            print_error(f"{run.name} failed: {run.error}")
        elif run.status != "finished":
            # Stopped by a budget or by hand: no error, but a table that is not whole.
            note(f"llmopt: {run.name}: {run.status}. {run.error}")
        elif run.failed:
            print_error(f"{run.name}: {run.error or f'{run.failed} of {run.total} answers failed.'}")
    for line in few:
        note(f"llmopt: {line}")
    # The order of codes: a run that could not be done outweighs all, since a threshold says nothing about it.
    if any(run.status == "failed" for run in runs):
        return 2
    # Before the thresholds, all of which would be missed without a single answer.
    if why := explain_empty_budget(runs):
        return print_error(why, code=OUT_OF_BUDGET)
    # A missed threshold before thin coverage: it is what a pipeline asked for by name.
    return 1 if miss_lines else TOO_LOW if few else 0


def _failure_lines(store: Store, run_ids: list[int]) -> list[str]:
    from llmopt_core.experiments.grading import ASSERTIONS

    lines = []
    for run_id, run_scores in store.scores(run_ids).items():
        # None where a question has no assertion, or one that could not be decided.
        outcomes = [outcome for outcome in run_scores.verdicts.get(ASSERTIONS, []) if outcome is not None]
        if not all(outcomes):
            lines.append(
                f"{store.run(run_id).name}: {outcomes.count(False)} of {len(outcomes)} failed their assertions."
            )
    return lines
