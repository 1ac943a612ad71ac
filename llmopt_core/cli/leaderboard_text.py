"""The leaderboard of an experiment as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmopt_core.cli.coverage import list_missing_scores
from llmopt_core.cli.output import caveat_lines, number_with_interval, table

if TYPE_CHECKING:
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.experiments.leaderboard import Row
    from llmopt_core.runs.store import Store


def leaderboard_text(store: Store, run_ids: list[int], experiment: Experiment, baseline: str) -> str:
    """All runs side by side, and what must be said of them."""
    from llmopt_core.experiments.comparison_family import project_family
    from llmopt_core.experiments.leaderboard import leaderboard
    from llmopt_core.experiments.margin import project_margin
    from llmopt_core.experiments.run_scores import baseline_position, read_run_scores
    from llmopt_core.reporting.formatting import questions
    from llmopt_core.reporting.verdict_words import margin_words

    runs = [store.run(run_id) for run_id in run_ids]
    names = [run.name for run in runs]
    # A baseline that was left out by `--configuration` cannot be compared with; then the usual rule chooses.
    position = names.index(baseline) if baseline in names else baseline_position(names)
    metrics = runs[0].metrics
    first = runs[0]
    # All comparisons of the project on these questions, not just those shown: looking often finds something by chance.
    family = project_family(store, first.project, first.evaluation_set, first.set_version, first.judge, shown=runs)
    # Judges and metrics are the same for all runs of one file, so the first stands for them.
    margin = project_margin(store, first.project)
    rows = leaderboard(read_run_scores(store, runs), metrics, position, family, margin)
    question_count = questions([run.done for run in runs], len(experiment.evaluation_set.examples))
    heading = [f"project {experiment.project}, {experiment.evaluation_set.name} ({question_count}), {first.judge}", ""]
    body = [[metric, *(_cell(row, metric) for row in rows)] for metric in metrics]
    for label, values in _facts(runs, [_not_run(store, run, experiment) for run in runs]):
        body.append([label, *values])
    text = table(["", *names], body)
    note_line = "mean [95 % interval]"
    if len(runs) > 1:
        # One run is compared with nothing, so there is no baseline to name.
        note_line += (
            f"; compared with {names[position]}. {family.in_short} {margin_words(margin)} How: docs/statistics.md"
        )
    notes = [*_apart(rows), *_judge_note(first), *list_missing_scores(store, runs), *run_caveat_lines(store, run_ids)]
    return "\n".join([*heading, text, "", note_line, *notes])


def _apart(rows: list[Row]) -> list[str]:
    """Where means stand over other questions than the baseline's: both on those that both answered."""
    return [f"{row.name}, {name} {cell.note}" for row in rows for name, cell in row.cells.items() if cell.note]


def run_caveat_lines(store: Store, run_ids: list[int]) -> list[str]:
    """What must be said beside these runs, line by line."""
    from llmopt_core.experiments.caveats import caveats_of

    return caveat_lines(caveats_of(store, [store.run(run_id) for run_id in run_ids]))


def _judge_note(run: Any) -> list[str]:
    from llmopt_core.evaluation.judge_agreement import judge_note

    note = judge_note(run.judge, run.metrics)
    return [note] if note else []


def _not_run(store: Store, run: Any, experiment: Experiment) -> int:
    """How many questions were not asked, because an assertion of theirs is not supported."""
    from llmopt_core.evaluation.assertions.columns import why_not_run

    # Looked up in the examples first: reading every record of a long run takes seconds, and is needed for few sets.
    if not any(why_not_run(example) for example in experiment.evaluation_set.examples[: run.total]):
        return 0
    return sum(bool(record.not_run) for record in store.records(run.id))


def _facts(runs: list[Any], not_run: list[int]) -> list[tuple[str, list[str]]]:
    from llmopt_core.execution.money import dollars

    # What was not asked is no failure, but no answer either.
    answer_counts = [
        f"{run.done - run.failed - not_run_count} of {run.total}"
        for run, not_run_count in zip(runs, not_run, strict=True)
    ]
    return [
        ("status", [run.status for run in runs]),
        ("answered", answer_counts),
        # Only sets of promptfoo have such questions; a row of zeros would puzzle all others.
        *([("not run", [str(not_run_count) for not_run_count in not_run])] if any(not_run) else []),
        ("model calls", [f"{run.usage.calls} (+{run.usage.cached_calls} cached)" for run in runs]),
        # Some calls had no price: the sum of the others would look like the whole.
        ("cost", ["unknown" if run.usage.cost_usd is None else dollars(run.usage.cost_usd) for run in runs]),
        ("seconds", [f"{run.seconds:.1f}" for run in runs]),
    ]


def _cell(row: Row, metric: str) -> str:
    cell = row.cells[metric]
    summary = cell.summary
    if summary.mean is None:
        return "not scored"
    text = number_with_interval(summary)
    if summary.scored < summary.total:
        text += f" {summary.scored} of {summary.total} scored"
    from llmopt_core.reporting.verdict_words import INSIDE_NOISE

    # A sign before the words: it can be seen, and searched for in a log, without colours.
    sign = {"better": "+ better", "worse": "- worse", "equivalent": "= equivalent", "cannot tell": "? cannot tell",
            "not comparable": "! not comparable"}  # fmt: skip
    # The baseline's own column compares with nothing.
    if cell.versus is None:
        return text
    noise = f" ({INSIDE_NOISE})" if cell.versus.inside_judge_noise else ""
    return f"{text} {sign[cell.versus.verdict]}{noise}"
