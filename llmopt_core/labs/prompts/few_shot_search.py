"""Automatic few-shot choice: subsets are tried on a training part, the best is verified on a held-back part."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.search.confirmation import check_budget, gain, verify
from llmopt_core.experiments.search.results import ChoiceResult, Method, Trial
from llmopt_core.experiments.search.task import CHOICE, SearchTask, check_task, split_task, without_repeats
from llmopt_core.experiments.search.trial_result import TrialResult
from llmopt_core.experiments.search.trial_runner import Report, TrialRunner, search_work_name, trial_runner
from llmopt_core.models.registry import Models
from llmopt_core.prompts.few_shot import question_of
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.types import Example

# The best of more random subsets fits the training part rather than the task.
MOST_TRIALS = 200


def choice_answers(  # noqa: PLR0917
    method: Method, pool: int, most: int, trials: int, training: int, held_back: int
) -> int:
    """How many answers it takes at most."""
    most = min(most, pool)
    # Greedy: all single ones, then each of the rest beside the best, and so on.
    trial_count = sum(pool - step for step in range(most)) if method == "greedy" else min(trials, MOST_TRIALS)
    # Two more on the training part (the set as it is, and none), and two on the held-back part for the test.
    return (2 + trial_count) * training + 2 * held_back


def choosable(task: SearchTask, *, keep_examples: bool = False) -> tuple[SearchTask, tuple[int, ...], tuple[str, ...]]:
    """What a choice is made from: see `without_repeats`, with which it agrees in arguments and result.

    Raises:
        BadInput: Fewer than two examples are left, or no question.
    """
    choice = without_repeats(task, keep_examples=keep_examples)
    if len(choice[1]) < 2:
        raise BadInput("A choice needs at least two few-shot examples that repeat no question of the set.")
    return choice


async def choose_few_shot(
    task: SearchTask,
    models: Models,
    *,
    method: Method = "greedy",
    most: int = 3,
    trials: int = 12,
    keep_examples: bool = False,
    report: Report | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> ChoiceResult:
    """Search the subsets of the prompt's few-shot set for one that does better than the set as it is.

    The questions are split; subsets are scored on the training part; the one with the best mean is then tested once,
    paired, on the held-back part, for which budget is kept.

    Args:
        task: With a few-shot set in its prompt.
        models: Of the current event loop.
        method: `greedy` adds the example that helps most, until none helps; `random` draws subsets of any size.
        most: Examples in a subset.
        trials: Subsets drawn by `random`.
        keep_examples: Where examples repeat questions, leave out the questions in place of the examples.
        report: Told how far it is.
        should_cancel: Asked before each answer.

    Raises:
        BadInput: Too few examples or questions, a budget too small to verify anything, or nothing could be scored.
    """
    check_task(task, models)
    # Whatever else decides the search, so that another one does not use up its budget.
    options = {"method": method, "most": most, "trials": trials, "keep_examples": keep_examples}
    work = search_work_name(CHOICE, task, models, options)
    # Repeats of questions are left out first: an example that holds the answer would win.
    task, places, omissions = choosable(task, keep_examples=keep_examples)
    shots = task.configuration.prompt.few_shot or FewShotSpec()
    training, holdout = split_task(task)
    check_budget(task, len(training), len(holdout))
    with trial_runner(work, task, models, report, should_cancel) as runner:
        runner.plan_size = choice_answers(method, len(places), most, trials, len(training), len(holdout))
        # Kept for the test of the winner: a search that spends all could verify nothing.
        runner.reserve(2 * len(holdout))
        search = _Search(runner, training, shots.examples)
        await search.begin()
        if method == "greedy":
            await search.greedy(most)
        else:
            await search.random(min(most, len(places)), min(trials, MOST_TRIALS), task.seed)
        subset = search.best()
        # Read before the verification, which may meet the budget itself.
        stop_reason, verification = runner.stop_reason, None
        # A stop by the user is a stop; a spent budget still has what was kept for this.
        if subset is not None and stop_reason != "cancelled":
            verification = await verify(runner, task.configuration, search.with_shots(subset), holdout)
        return ChoiceResult(
            method=method,
            questions={place: question_of(shot) for place, shot in zip(places, shots.examples, strict=True)},
            training=len(training),
            held_back=len(holdout),
            trials=tuple(_place(trial, places) for trial in search.trials),
            chosen=None if subset is None else tuple(places[i] for i in subset),
            few_shot=None
            if subset is None
            # `all`: the choice is made, and no further selection should change it.
            else shots.model_copy(update={"examples": tuple(shots.examples[i] for i in subset), "select": "all"}),
            verification=verification,
            # What happens in the verification counts first.
            ended=runner.stop_reason or stop_reason,
            **runner.facts(training, omissions),
        )


class _Search:
    """Tries subsets of the pool on the training part; positions count the pool, not the saved set."""

    def __init__(self, runner: TrialRunner, training: Sequence[Example], pool: Sequence[dict[str, str]]) -> None:
        self.runner = runner
        self.trials: list[Trial] = []
        self._training = training
        self._pool = tuple(pool)
        self._as_is: TrialResult

    async def begin(self) -> None:
        """The set as it is, and no examples at all."""
        self._as_is = await self.runner.measure(self.runner.task.configuration, self._training, "the set as it is")
        self.runner.require_scores(self._as_is)
        self._keep(None, 0, self._as_is)
        await self.try_subset((), 0)

    async def greedy(self, most: int) -> None:
        """Add the example that helps most, as long as one helps."""
        subset: tuple[int, ...] = ()
        # None where no examples at all could not be measured: the first addition then has nothing to beat.
        best_gain = self._score(subset)
        for step in range(1, min(most, len(self._pool)) + 1):
            # The example that was added last stands next to the question.
            trials = [await self.try_subset((*subset, i), step) for i in range(len(self._pool)) if i not in subset]
            # Incomplete trials may have met the easy questions alone.
            good = [trial for trial in trials if trial is not None and trial.complete]
            best = max(good, key=self._gain, default=None)
            # No gain is no reason for a longer prompt.
            if best is None or self.runner.stop_reason or (best_gain is not None and self._gain(best) <= best_gain):
                return
            subset, best_gain = best.places or (), self._gain(best)

    async def random(self, most: int, trials: int, seed: int) -> None:
        """Draw subsets, none twice."""
        for subset in _draw(len(self._pool), most, trials, seed):
            if self.runner.stop_reason:
                return
            await self.try_subset(subset, 1)

    async def try_subset(self, places: tuple[int, ...], step: int) -> Trial | None:
        """One subset; None once the search is stopped."""
        if self.runner.stop_reason:
            return None
        label = ", ".join(str(i + 1) for i in places) or "none"
        result = await self.runner.measure(self.with_shots(places), self._training, f"training part: examples {label}")
        return self._keep(places, step, result)

    def best(self) -> tuple[int, ...] | None:
        """The subset with the best mean on the training part, if it beats the set as it is; the smaller on a tie."""
        good = [trial for trial in self.trials if trial.places is not None and trial.complete]
        # Fewer examples on a tie: they cost less with every request.
        best = max(good, key=lambda trial: (self._gain(trial), -len(trial.places or ())), default=None)
        return best.places if best is not None and self._gain(best) > 0 else None

    def with_shots(self, places: Sequence[int]) -> Configuration:
        """The configuration that shows these examples."""
        return self.runner.task.with_shots([self._pool[i] for i in places])

    def _keep(self, places: tuple[int, ...] | None, step: int, result: TrialResult) -> Trial:
        trial = Trial(
            places=places,
            step=step,
            summary=result.summary,
            comparison=self.runner.compare(self._as_is, result),
            complete=result.complete,
        )
        self.trials.append(trial)
        return trial

    def _gain(self, trial: Trial) -> float:
        return gain(trial.comparison, self.runner.task.higher_is_better)

    def _score(self, places: tuple[int, ...]) -> float | None:
        return next((self._gain(trial) for trial in self.trials if trial.places == places and trial.complete), None)


def _draw(pool: int, most: int, trials: int, seed: int) -> Iterator[tuple[int, ...]]:
    chance, subsets = random.Random(seed), set[tuple[int, ...]]()
    # Small pools have fewer subsets than were asked for; twenty draws for each wanted one, then it ends.
    for _ in range(20 * trials):
        if len(subsets) >= trials:
            return
        # First how many, then which: all sizes are as likely, small ones too.
        subset = tuple(chance.sample(range(pool), chance.randint(1, most)))
        if subset not in subsets:
            subsets.add(subset)
            yield subset


def _place(trial: Trial, places: Sequence[int]) -> Trial:
    if trial.places is None:
        return trial
    # Positions of the saved set again, as people see them.
    return trial.model_copy(update={"places": tuple(places[i] for i in trial.places)})
