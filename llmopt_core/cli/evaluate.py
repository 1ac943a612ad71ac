"""`llmopt evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.coverage import explain_empty_budget
from llmopt_core.cli.estimate import estimate_first, tell_estimate
from llmopt_core.cli.gate import (
    BaselineConfigurationOption,
    ByCategoryOption,
    FailUnderOption,
    GateOptions,
    JUnitOption,
    MarkdownOption,
    MinCoverageOption,
    NoRegressionOption,
    export_gate,
    is_result_file,
)
from llmopt_core.cli.leaderboard_text import leaderboard_text, run_caveat_lines
from llmopt_core.cli.output import (
    JsonOption,
    MarginOption,
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
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.experiments.plan import Plan
    from llmopt_core.experiments.progress import RunProgress
    from llmopt_core.labs.evaluation.gate.baseline import Baseline
    from llmopt_core.labs.evaluation.gate.outcome import Gate
    from llmopt_core.labs.evaluation.gate.rules import Rules
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
    no_regression: NoRegressionOption = None,
    fail_under: FailUnderOption = None,
    min_coverage: MinCoverageOption = None,
    by_category: ByCategoryOption = False,
    baseline: Annotated[
        str,
        typer.Option(
            help="Compare with this configuration (the one named baseline), or with a result file for --no-regression."
        ),
    ] = "",
    baseline_configuration: BaselineConfigurationOption = "",
    junit: JUnitOption = None,
    markdown: MarkdownOption = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="The most all runs may cost together.")] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only try a few questions, and say what the whole run will take.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on after the estimate.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start new runs; do not continue stopped ones.")] = False,
    column: QuestionColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    split: SplitOption = "",
    margin: MarginOption = None,
    trust: TrustOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    json: JsonOption = "",
) -> int:
    """Run an experiment file."""
    import asyncio

    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.grading import metrics_to_record
    from llmopt_core.experiments.margin import check_margin, save_margin
    from llmopt_core.experiments.result import result_of
    from llmopt_core.labs.evaluation.gate.decide import decide

    if margin is not None:
        check_margin(margin)
    experiment = read_experiment(file, column, questions_encoding, trust, split)
    names = configuration or [item.name for item in experiment.configurations]
    metrics = metrics_to_record(experiment.metrics, experiment.evaluation_set.examples[:limit])
    options = GateOptions(no_regression, fail_under, min_coverage, by_category, baseline_configuration)
    is_file = is_result_file(baseline, experiment)
    # Before anything is asked: a mistyped metric or name must not show after an hour of paid answers.
    rules = options.read_rules(metrics, names, is_file=is_file, baseline=baseline)
    other = _baseline_file(options, rules, experiment, names, baseline) if is_file else None
    _, store = open_workspace()
    # The option's own value goes to the models below: without it an endpoint keeps its own limit.
    plan = _plan(experiment, names, concurrency or 4, limit, budget)
    inner = "" if is_file else baseline
    if inner:
        experiment.configuration(inner)  # Only to refuse a name that is not there, before it costs anything.
    if rules.no_regression and inner and inner not in names:
        raise BadInput(f"--baseline {inner} is not among the configurations that run; add --configuration {inner}.")
    if estimate:
        return tell_estimate(store, plan, experiment, concurrency, json)
    plan = estimate_first(store, plan, experiment, concurrency, resume=not fresh, yes=yes, quiet=quiet)
    run_ids = asyncio.run(_run(store, plan, experiment, concurrency=concurrency, resume=not fresh, quiet=quiet))
    if margin is not None:
        save_margin(store, experiment.project, margin)
    result = result_of(store, run_ids)
    if budget is not None:
        note(_budget_line(store, run_ids, budget))
    gate_outcome = decide(result, rules, other or options.read_baseline(inner, result, inner), source=str(file))
    if json:
        verdict = {"gate": gate_outcome.as_values()} if options.has_rules else {}
        write_json({**result, **verdict, "notes": list(experiment.notes)}, json)
    # Stdout holds nothing but the JSON then, so what must be said beside the numbers goes to stderr.
    if json != "-":
        print(leaderboard_text(store, run_ids, experiment, inner))
    else:
        for line in run_caveat_lines(store, run_ids):
            note(line)
    if options.has_rules or junit or markdown:
        export_gate(gate_outcome, junit, markdown)
    return _verdict(store, run_ids, gate_outcome, has_rules=options.has_rules)


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


def _baseline_file(
    options: GateOptions, rules: Rules, experiment: Experiment, names: list[str], baseline: str
) -> Baseline | None:
    """The result file to compare with, checked against what is to be run."""
    from llmopt_core.labs.evaluation.gate.baseline import Subject, check_baseline

    earlier = options.read_baseline(baseline, None, "")
    if earlier is not None:
        questions = experiment.evaluation_set
        check_baseline(earlier, Subject(questions.name, questions.version, experiment.judge.label, names), rules)
    return earlier


def _verdict(store: Store, run_ids: list[int], found: Gate, *, has_rules: bool) -> int:
    runs = [store.run(run_id) for run_id in run_ids]
    for run in runs:
        if run.status == "failed":
            print_error(f"{run.name} failed: {run.error}")
        elif run.status != "finished":
            # Stopped by a budget or by hand: no error, but a table that is not whole.
            note(f"llmopt: {run.name}: {run.status}. {run.error}")
        elif run.failed:
            print_error(f"{run.name}: {run.error or f'{run.failed} of {run.total} answers failed.'}")
    if why := explain_empty_budget(runs):
        print_error(why)
    # Everything is told, whatever the code: a run that broke may have missed a threshold as well.
    for check in found.problems:
        # What became of the runs themselves is told above, with its reason.
        if check.rule != "run" or check.outcome == "coverage too low":
            note(f"llmopt: {check.sentence}")
    if has_rules:
        note(f"llmopt: gate: {found.outcome} (exit code {found.exit_code})")
        return found.exit_code
    # Who asks for no gate gets the code of any command that could not be done.
    return 2 if found.outcome == "broke" else found.exit_code
