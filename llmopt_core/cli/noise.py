"""`llmopt noise`: how much of a score's variance comes from questions, answers and judge, and what to buy more of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, note, number, print_result, table
from llmopt_core.cli.setup import models_with, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmopt_core.labs.evaluation.judge_repeats import JudgedAgain
    from llmopt_core.labs.evaluation.noise import MetricNoise
    from llmopt_core.runs.store import Store
    from llmopt_core.runs.values import Run


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="How much scores vary by question, by answer and by judge, and what to buy more of.")(noise)


def noise(  # noqa: PLR0917
    run: Annotated[
        list[int] | None, typer.Option(help="The number of a run in the workspace; may be given several times.")
    ] = None,
    comparison: Annotated[str, typer.Option(metavar="ID", help="A comparison of prompts, with all its repeats.")] = "",
    judge_repeats: Annotated[
        int, typer.Option(min=0, metavar="N", help="Have an LLM judge grade the stored answers N more times first.")
    ] = 0,
    budget: Annotated[
        float | None, typer.Option(metavar="USD", help="The most that judging again may cost in all.")
    ] = None,
    question_cost: Annotated[
        float, typer.Option(metavar="USD", help="What it costs to write one more question; 0 by default.")
    ] = 0.0,
    json: JsonOption = "",
) -> None:
    """Split the variance of stored runs."""
    import asyncio

    from llmopt_core.errors import BadInput, OutOfBudget
    from llmopt_core.labs.evaluation.noise import noise_of_runs
    from llmopt_core.labs.evaluation.noise_words import noise_values

    if bool(run) == bool(comparison):
        raise BadInput("Name either runs (--run NUMBER) or a comparison (--comparison ID).")
    # Not `<`: NaN is no cost either.
    if not (math.isfinite(question_cost) and question_cost >= 0):
        raise BadInput(f"--question-cost is a number of dollars from 0 on, not {question_cost:g}.")
    if budget is not None and not (math.isfinite(budget) and budget > 0):
        raise BadInput(f"--budget is a number of dollars above 0, not {budget:g}.")
    if budget is not None and not judge_repeats:
        raise BadInput("--budget needs --judge-repeats: nothing else costs anything.")
    _, store = open_workspace()
    runs = (
        _runs_of_comparison(store, comparison) if comparison else [store.run(one) for one in dict.fromkeys(run or [])]
    )
    again = asyncio.run(_judge_again(store, runs, judge_repeats, budget)) if judge_repeats else None
    found = noise_of_runs(store, runs, question_cost)
    if again is not None and again.out_of_budget and not again.values:
        raise OutOfBudget(again.out_of_budget)
    if not found:
        raise BadInput("No metric has grades of two questions in these runs, so there is nothing to split.")
    print_result(_text(found), noise_values(found), json)


def _runs_of_comparison(store: Store, comparison_id: str) -> list[Run]:
    from llmopt_core.errors import BadInput

    runs = [run for run in store.runs() if run.comparison == comparison_id]
    if not runs:
        raise BadInput(f"There is no comparison {comparison_id} in the workspace.")
    return runs


async def _judge_again(store: Store, runs: Sequence[Run], repeats: int, budget: float | None) -> JudgedAgain | None:
    from llmopt_core.labs.evaluation.judge_repeats import can_judge_again, judge_again

    judged = [run for run in runs if can_judge_again(run)]
    if not judged:
        note(
            "llmopt: no LLM here graded these runs, so none is asked again: the built-in judge says the same each time"
        )
        return None
    async with models_with(store, {}) as models:
        again = await judge_again(store, judged, models, repeats, budget_usd=budget)
    failures = f"; {again.failures} did not come" if again.failures else ""
    note(f"llmopt: {again.values} grades by judging again{failures}")
    if again.out_of_budget:
        note(f"llmopt: {again.out_of_budget}")
    return again


def _text(found: Sequence[MetricNoise]) -> str:
    from llmopt_core.labs.evaluation.noise_words import advice_sentence, describe_counts, judge_sentence

    blocks = []
    for name in dict.fromkeys(one.configuration for one in found):
        own = [one for one in found if one.configuration == name]
        header = ("metric", "questions", "answers", "judge", "std. error")
        lines = [name, table(header, [_cells(one) for one in own])]
        lines += [f"{one.metric} ({describe_counts(one)}): {advice_sentence(one)} {judge_sentence(one)}" for one in own]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cells(one: MetricNoise) -> list[str]:
    found = one.components
    parts = [
        "-" if part is None or not found.total else f"{part / found.total:.0%}"
        for part in (found.question, found.answer, found.judge)
    ]
    return [one.metric, *parts, number(one.standard_error)]
