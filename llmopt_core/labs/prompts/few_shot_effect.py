"""What each few-shot example is worth: the answers with all examples against those without one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llmopt_core.errors import BadInput
from llmopt_core.experiments.search.results import ExampleEffect, FewShotEffect
from llmopt_core.experiments.search.task import FEW_SHOT_EFFECT, SearchTask, check_task, with_prompt, without_repeats
from llmopt_core.experiments.search.trial_result import TrialResult
from llmopt_core.experiments.search.trial_runner import Report, TrialRunner, search_work_name, trial_runner
from llmopt_core.models.registry import Models
from llmopt_core.prompts.few_shot import question_of, select_examples
from llmopt_core.statistics.paired_comparison import compare_family

# These choose the same examples for every question.
_QUESTION_INDEPENDENT = ("first", "random")


def effect_answers(examples: int, questions: int) -> int:
    """How many answers it takes at most."""
    return (examples + 1) * questions


async def measure_few_shot_effect(
    task: SearchTask,
    models: Models,
    *,
    keep_examples: bool = False,
    report: Report | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> FewShotEffect:
    """Leave each few-shot example out once, on all questions of the set.

    `first` and `random` selections stand for the examples they choose; with `nearest` and `diverse` the set is one
    example smaller, and each question still gets k. After a stop, what is complete is there, and what was paid is kept
    in the cache: measuring again goes on from it.

    Args:
        task: With a few-shot set in its prompt.
        models: Of the current event loop.
        keep_examples: Where examples repeat questions, leave out the questions in place of the examples.
        report: Told how far it is.
        should_cancel: Asked before each answer.

    Raises:
        BadInput: There are no few-shot examples, or nothing could be scored.
    """
    # Before the first answer: what is missing is told before anything is paid.
    check_task(task, models)
    # Named by the task as it was asked, before repeats are taken out: the same work is found again.
    work = search_work_name(FEW_SHOT_EFFECT, task, models, {"keep_examples": keep_examples})
    task, places, omissions = without_repeats(task, keep_examples=keep_examples)
    task, places = _fix_selection(task, places)
    shots = task.configuration.prompt.few_shot
    if shots is None or not shots.examples:
        raise BadInput("No few-shot example is left to measure: all of them repeat a question of the set.")
    questions = task.evaluation_set.examples
    # Closes its budget and its progress, also after a stop.
    with trial_runner(work, task, models, report, should_cancel) as runner:
        runner.plan_size = effect_answers(len(places), len(questions))
        full = await runner.measure(task.configuration, questions, "with all examples")
        # Nothing scored with all examples: leaving some out could not be compared with anything.
        runner.require_scores(full)
        without: list[TrialResult | None] = []
        for number in range(len(places)):
            rest = [shot for other, shot in enumerate(shots.examples) if other != number]
            # The selection stays: with `nearest`, each question takes the next one in place of what is left out.
            variant = task.with_shots(rest, keep_selection=True)
            label = f"without example {places[number] + 1}"
            # None for those after a stop, so that each result stays beside its example.
            result = await runner.measure(variant, questions, label) if not runner.stop_reason else None
            # Half of the questions may be the easy half: only complete pairs are compared.
            without.append(result if result is not None and result.complete and full.complete else None)
        return FewShotEffect(
            questions=len(questions),
            full=full.summary,
            examples=_leave_out_each(runner, places, shots.examples, full, without),
            ended=runner.stop_reason,
            **runner.facts(questions, omissions),
        )


def _fix_selection(task: SearchTask, places: tuple[int, ...]) -> tuple[SearchTask, tuple[int, ...]]:
    """A selection that is the same for all questions, as the examples it chooses."""
    shots = task.configuration.prompt.few_shot
    if shots is None or shots.select not in _QUESTION_INDEPENDENT:
        return task, places
    # Places in the stead of texts: these selections go by position and chance alone.
    placeholders = tuple({"answer": "", "place": str(place)} for place in range(len(places)))
    selection = select_examples(shots.model_copy(update={"examples": placeholders}), "")
    indices = [int(example["place"]) for example in selection]
    # As a fixed list, or leaving one out would draw others in.
    few_shot = shots.model_copy(update={"examples": tuple(shots.examples[i] for i in indices), "select": "all"})
    return (
        replace(task, configuration=with_prompt(task.configuration, few_shot=few_shot)),
        tuple(places[i] for i in indices),
    )


def _leave_out_each(
    runner: TrialRunner,
    places: Sequence[int],
    shots: Sequence[dict[str, str]],
    full: TrialResult,
    without: Sequence[TrialResult | None],
) -> tuple[ExampleEffect, ...]:
    # Without it as the baseline: above zero, the example helps.
    columns = [(result.values, full.values) for result in without if result is not None]
    comparisons = iter(compare_family(columns, runner.task.higher_is_better, runner.task.seed, clusters=full.clusters))
    effects = []
    for place, shot, trial in zip(places, shots, without, strict=True):
        comparison = None if trial is None else next(comparisons)
        effects.append(
            ExampleEffect(
                place=place,
                question=question_of(shot),
                answer=shot["answer"],
                comparison=comparison,
                p_adjusted=None if comparison is None else comparison.p_value,
                verdict=None if comparison is None else comparison.verdict,
                tokens=_difference(full, trial),
            )
        )
    return tuple(effects)


def _difference(full: TrialResult, without: TrialResult | None) -> float | None:
    if without is None or full.tokens is None or without.tokens is None:
        return None
    # Fewer tokens without it: what the example takes of every prompt.
    return full.tokens - without.tokens
