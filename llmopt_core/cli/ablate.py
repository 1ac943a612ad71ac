"""`llmopt ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import (
    JsonOption,
    QuestionColumnOption,
    QuestionsEncodingOption,
    SplitOption,
    TrustOption,
    caveat_lines,
    note,
    number,
    number_with_interval,
    print_result,
    table,
)
from llmopt_core.cli.setup import note_long_questions, open_models, open_workspace, read_experiment

if TYPE_CHECKING:
    from llmopt_core.experiments.caveats import RunCaveats
    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.labs.retrieval.ablation import AblatedPart, AblationReport
    from llmopt_core.labs.retrieval.costs import Cost
    from llmopt_core.labs.retrieval.progress import LabProgress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Leave-one-out: what removing each component of a configuration costs.")(ablate)


def ablate(  # noqa: PLR0917
    file: Annotated[Path, typer.Argument(help="Experiment file (YAML).")],
    configuration: Annotated[str, typer.Option(help="Which configuration; the first that retrieves.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions.")] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Answer the questions too; measures F1, faithfulness and fact check.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="Answers in work at once.")] = 4,
    budget: Annotated[
        float | None,
        typer.Option("--budget-usd", metavar="USD", help="The most it may cost in all, the same work before included."),
    ] = None,
    column: QuestionColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    split: SplitOption = "",
    trust: TrustOption = False,
    json: JsonOption = "",
) -> None:
    """Leave each component out."""
    import asyncio

    from llmopt_core.cli.retrieve import select_configuration
    from llmopt_core.experiments.caveats import caveats

    experiment = read_experiment(file, column, questions_encoding, trust, split)
    selected_configuration = select_configuration(experiment, configuration)
    report = asyncio.run(_ablate(experiment, selected_configuration, limit, answers, concurrency, budget))
    caveat_sets = [_caveats(experiment, selected_configuration, limit, answers)]
    value = report.model_dump(mode="json") | {"caveats": [caveat.text for caveat in caveats(caveat_sets)]}
    print_result("\n".join([_text(report), *caveat_lines(caveat_sets)]), value, json)


def _caveats(experiment: Experiment, configuration: Configuration, limit: int | None, answers: bool) -> RunCaveats:
    from llmopt_core.experiments.caveats import configuration_caveats

    _, store = open_workspace()
    # The notes are about the questions that were asked, not about the rest of the set.
    examples = experiment.evaluation_set.examples[:limit]
    return configuration_caveats(store, experiment.project, configuration, examples, answers=answers)


async def _ablate(  # noqa: PLR0917
    experiment: Experiment,
    configuration: Configuration,
    limit: int | None,
    answers: bool,
    concurrency: int,
    budget: float | None,
) -> AblationReport:
    from llmopt_core.execution.spending import spending_words
    from llmopt_core.labs.retrieval.ablation import ablate as measure
    from llmopt_core.labs.retrieval.ablation import ablation_work_name
    from llmopt_core.labs.retrieval.subject import Subject

    _, store = open_workspace()
    examples = experiment.evaluation_set.examples[:limit]
    # Closes clients and caches also where the measurement is stopped, so that what was paid is kept.
    async with open_models(store, experiment, concurrency) as models:
        # Before the first call is paid: a cut question makes every number of the report doubtful.
        note_long_questions([configuration], [example.question for example in examples], models)
        subject = Subject(configuration, examples, experiment.documents, models)
        report = await measure(
            subject,
            set_name=experiment.evaluation_set.name,
            answers=answers,
            judge=experiment.judge,
            budget_usd=budget,
            on_progress=_progress(),
            concurrency=concurrency,
        )
        # The name under which the spending was counted, made of the same subject as in `measure`.
        if budget is not None:
            work = ablation_work_name(subject, experiment.judge, answers)
            note(f"llmopt: {spending_words(store.cache, work, budget)}")
        return report


def _progress() -> Any:
    """A line on stderr at every tenth of the work."""
    from llmopt_core.reporting.progress_summary import summarize_progress

    # Tenths that were told already; progress comes per question, a line for each would hide the result.
    last_tenth = 0

    def see(progress: LabProgress) -> None:
        nonlocal last_tenth
        finished_count, total = progress.done, progress.total
        # Whole numbers: no tenth is told twice by rounding. A total of 0 is a step that counts nothing yet.
        if total and finished_count * 10 // total > last_tenth:
            last_tenth = finished_count * 10 // total
            note(summarize_progress(progress.as_dict()).line)

    return see


def _text(report: AblationReport) -> str:
    from llmopt_core.experiments.setting_choices import choice_note
    from llmopt_core.labs.retrieval.ablation import TITLES
    from llmopt_core.reporting.verdict_words import unit_of

    # Without references there is no recall, without answers no F1: columns of nothing but dashes are left out.
    measures = [name for name in TITLES if name in report.measures and report.measures[name].scored]
    header = ["", *(f"{TITLES[name]}" for name in measures), "takes"]
    whole = [
        report.configuration,
        *(number_with_interval(report.measures[name]) for name in measures),
        _cost(report.cost),
    ]
    rows = [whole, *([one.name, *(_gain(one, name) for name in measures), _cost(one.cost)] for one in report.removed)]
    lines = [
        f"{report.configuration} on {report.questions} questions of {report.evaluation_set or 'the set'}, "
        "and with each component left out",
        "",
        table(header, rows),
        "",
        "Changes are paired, with 95 % intervals that hold for all parts at once; "
        "a component takes so much time and tokens per question.",
        f"Tested on {unit_of(one.gains[report.leading] for one in report.removed)}.",
        choice_note(report.evaluation_set),
        "",
    ]
    # 18 is the length of the longest advice, so that the names stand in one column.
    lines += [f"{one.advice:<18} {one.name.removeprefix('without ')}: {one.reason}" for one in report.removed]
    lines += [f"warning: {count} questions: {message}" for message, count in report.failures.items()]
    return "\n".join(lines)


def _gain(one: AblatedPart, measure: str) -> str:
    gain = one.gains[measure]
    # No question has a value both with and without the part.
    if gain.difference is None:
        return "-"
    # A difference that all questions share, or too few of them, has no interval.
    between = f" [{gain.low:+.3f}, {gain.high:+.3f}]" if gain.low is not None and gain.high is not None else ""
    word = {"better": " better", "worse": " worse"}.get(gain.verdict, "")
    return f"{gain.difference:+.3f}{between}{word}"


def _cost(cost: Cost) -> str:
    # Milliseconds: a search takes some of them, and the reader compares parts by it.
    time = "-" if cost.seconds is None else f"{number(cost.seconds * 1000)} ms"
    return f"{time}, {'?' if cost.tokens is None else number(cost.tokens)} tokens"
