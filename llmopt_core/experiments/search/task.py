"""What a search is about: a configuration, the questions it is measured on, a metric, and a budget."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import Field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import assertions_of
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.preflight import check_run
from llmopt_core.experiments.subset import choose_examples, random_examples
from llmopt_core.models.registry import Models
from llmopt_core.prompts.overlap import find_overlap
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.text.words import fold_to_words
from llmopt_core.types import Document, EvaluationSet, Example, Spec
from llmopt_core.types.grouping import group_values

FEW_SHOT_EFFECT, CHOICE, INSTRUCTION = "few-shot-worth", "few-shot-choice", "instruction-search"
"""Kinds of searches, and of their jobs."""

# Of n pairs that all point the same way, sign flips give a p-value of 2 / 2^n: .063 for 5, .031 for 6.
LEAST_PART = 6
"""With fewer pairs no paired test can come out below 0.05."""


class Budget(Spec):
    """The most a search may take; None for no limit. What the cache holds takes nothing."""

    calls: int | None = Field(default=None, ge=1)
    usd: float | None = Field(default=None, gt=0)


@dataclass(frozen=True)
class SearchTask:
    """A search before it runs.

    Attributes:
        configuration: As it is now, its few-shot set included.
        metric: What counts: a metric of the answer, or `checks` for passing its assertions.
        documents: What the configuration retrieves from.
        held_back: Share of the questions that only the last, paired test sees.
        seed: Of the split and of random choices.
        source: What was searched on, in words for the result, such as `support v3`.
        confirm: Questions of their own for the last test, where the set has such a part; then none are held back.
    """

    project: str
    configuration: Configuration
    evaluation_set: EvaluationSet
    metric: str
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    documents: tuple[Document, ...] = ()
    budget: Budget = field(default_factory=Budget)
    concurrency: int = 4
    # Half: the larger this part, the smaller the gain that its test can see; the smaller the other, the worse the
    # choice.
    held_back: float = 0.5
    seed: int = 0
    source: str = ""
    confirm: tuple[Example, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of metrics for the pipeline; assertions come along with the examples."""
        return () if self.metric == ASSERTIONS else (self.metric,)

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric not in METRICS or METRICS[self.metric].higher_is_better

    def with_shots(self, shots: Sequence[dict[str, str]], *, keep_selection: bool = False) -> Configuration:
        """The configuration with these few-shot examples, all of them shown unless the selection is kept."""
        spec = self.configuration.prompt.few_shot or FewShotSpec()
        changes: dict[str, object] = {"examples": tuple(shots)}
        if not keep_selection:
            # A selection by likeness would show other examples for each question than those that are measured.
            changes["select"] = "all"
        few_shot = spec.model_copy(update=changes) if shots else None
        return with_prompt(self.configuration, few_shot=few_shot)


def with_prompt(configuration: Configuration, **changes: object) -> Configuration:
    """The configuration with a changed prompt."""
    return configuration.model_copy(update={"prompt": configuration.prompt.model_copy(update=changes)})


def check_task(task: SearchTask, models: Models) -> None:
    """Refuse a search that could only fail.

    Raises:
        BadInput: See `check_run`; or nothing could be scored, because there are no references or no checks.
    """
    check_run(
        task.configuration, task.evaluation_set, task.documents, task.metrics, task.judge, models, task.budget.usd
    )
    if task.concurrency < 1:
        raise BadInput("Concurrency must be at least 1.")
    examples = task.evaluation_set.examples
    if task.metric == ASSERTIONS:
        if not any(assertions_of(example) for example in examples):
            raise BadInput(f"No example of {task.evaluation_set.name} has assertions; choose a score, or add some.")
    elif METRICS[task.metric].kind != "answer":
        raise BadInput(f"{METRICS[task.metric].title} looks at retrieval, which no prompt changes; choose another.")
    elif "reference" in METRICS[task.metric].needs and not any(example.reference for example in examples):
        raise BadInput(
            f"{METRICS[task.metric].title} needs reference answers, and {task.evaluation_set.name} has none."
        )


def sample_examples(evaluation_set: EvaluationSet, most: int | None, seed: int = 0) -> EvaluationSet:
    """At most so many examples, drawn at random and kept in their order."""
    return evaluation_set if most is None else random_examples(evaluation_set, most, seed)


def split_task(task: SearchTask) -> tuple[list[Example], list[Example]]:
    """The questions that the search sees, and those of the last test: the confirm part of the set, else some held back.

    Raises:
        BadInput: One of them would have fewer than six questions.
    """
    if not task.confirm:
        return split(task.evaluation_set.examples, task.held_back, task.seed)
    training, test = list(task.evaluation_set.examples), list(task.confirm)
    if min(len(training), len(test)) < LEAST_PART:
        raise BadInput(
            f"{task.evaluation_set.name} has {len(training)} questions to search with and {len(test)} to confirm with; "
            f"each needs at least {LEAST_PART}. Choose the whole set, or split it into other shares."
        )
    return training, test


def split(examples: Sequence[Example], held_back: float, seed: int = 0) -> tuple[list[Example], list[Example]]:
    """A training part and a held-back part. Examples that ask the same stay together, so that none leaks.

    Raises:
        BadInput: One of the parts would have fewer than six examples.
    """
    # Folded: case and punctuation make no other question.
    groups = list(group_values((fold_to_words(example.question), example) for example in examples).values())
    random.Random(seed).shuffle(groups)
    # A number of questions, not of groups.
    target_size = round(held_back * len(examples))
    training: list[Example] = []
    test: list[Example] = []
    for group in groups:
        # A group that does not fit goes to the training part: the held-back one never takes more than its share.
        (test if len(test) + len(group) <= target_size else training).extend(group)
    if min(len(training), len(test)) < LEAST_PART:
        raise BadInput(
            f"{len(examples)} different questions make a training part of {len(training)} and a held-back part of "
            f"{len(test)}; each needs at least {LEAST_PART}. Take more questions or another share."
        )
    return training, test


def without_repeats(
    task: SearchTask, *, keep_examples: bool = False
) -> tuple[SearchTask, tuple[int, ...], tuple[str, ...]]:
    """The task without few-shot examples that repeat one of its questions; or without those questions.

    What stands in a prompt cannot be measured with: the model would copy its own example.

    Args:
        task: Any task.
        keep_examples: Leave out the questions and keep the examples.

    Returns:
        The task, the places (in the set as it was) of the examples that stay, and the texts left out.

    Raises:
        BadInput: No question is left.
    """
    shots = task.configuration.prompt.few_shot
    pool = shots.examples if shots is not None else ()
    examples = task.evaluation_set.examples
    if keep_examples:
        shot_questions = [_question(shot) for shot in pool]
        repeated_places = _places_of_repeats(examples, shot_questions)
        fresh_examples = tuple(example for place, example in enumerate(examples) if place not in repeated_places)
        if not fresh_examples:
            raise BadInput("Every question stands among the few-shot examples; take other questions.")
        removed_texts = tuple(examples[place].question for place in sorted(repeated_places))
        ids = [example.id for example in fresh_examples]
        smaller_set = choose_examples(task.evaluation_set, ids, "that no few-shot example repeats")
        repeated_confirm = _places_of_repeats(task.confirm, shot_questions)
        confirm = tuple(example for place, example in enumerate(task.confirm) if place not in repeated_confirm)
        return replace(task, evaluation_set=smaller_set, confirm=confirm), tuple(range(len(pool))), removed_texts
    questions = [example.question for example in (*examples, *task.confirm)]
    repeated_places = {overlap.example for overlap in find_overlap(pool, questions)}
    places = tuple(place for place in range(len(pool)) if place not in repeated_places)
    removed_texts = tuple(_question(pool[place]) for place in sorted(repeated_places))
    configuration = task.with_shots([pool[place] for place in places], keep_selection=True)
    return replace(task, configuration=configuration), places, removed_texts


def _places_of_repeats(examples: Sequence[Example], shot_questions: Sequence[str]) -> set[int]:
    # Each question is compared with all examples: two questions may repeat the same one.
    texts = [{"question": example.question} for example in examples]
    return {overlap.example for overlap in find_overlap(texts, shot_questions)}


def _question(shot: dict[str, str]) -> str:
    from llmopt_core.prompts.few_shot import question_of

    return question_of(shot)
