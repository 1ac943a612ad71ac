"""Which questions may be trained on: the sets that are for measuring alone, and how much of a set training takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmopt_core.experiments.training_overlap import describe_closeness
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.question_overlap import find_question_overlap, user_texts
from llmopt_core.labs.finetuning.embedder import EMBEDDER
from llmopt_core.labs.finetuning.sources import GENERAL
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import EvaluationSet

# As people and other tools name what is for measuring alone: `snips-test`, `squad_test_v2`, `zh-held-back`, `测试集`.
_HELD_BACK = re.compile(
    r"(?:^|[\W_])(?:tests?(?:et)?|testing|unseen|held[\W_]*(?:back|out)|hold[\W_]*out|holdout|heldout)(?:[\W_\d]|$)|测试|測試",
    re.IGNORECASE,
)


def find_held_out_sets(store: Store, project: Project | str, names: Iterable[str]) -> set[str]:
    """Those of these evaluation sets that are for measuring alone.

    What a tuned embedding model was kept from, the general set that shows forgetting, and what its name says.
    """
    # A plan of an earlier version may lack a field; its set is then known by its name alone.
    plans = (version.body.get("plan") or {} for version in store.versions(project, EMBEDDER))
    held_out_names = {str(plan.get("held_back_set") or "") for plan in plans} | {GENERAL}
    # By name as well: sets that came from elsewhere have no plan.
    return {name for name in names if name in held_out_names or _HELD_BACK.search(name)}


def usual_source(store: Store, project: Project | str, names: Sequence[str]) -> str | None:
    """The evaluation set to take training questions from where nobody has chosen one.

    One that nothing was measured on comes before others, and a held-back one is never taken: None where there is no
    other.
    """
    free = [name for name in names if name not in find_held_out_sets(store, project, names)]
    # A set that runs were measured on would lose its meaning once it is trained on.
    measured_names = {run.evaluation_set for run in store.runs(project)}
    return next((name for name in free if name not in measured_names), next(iter(free), None))


def usual_runs(store: Store, project: Project | str, runs: Sequence[Run]) -> list[Run]:
    """The runs to take training examples from where nobody has chosen one: not those on held-back sets."""
    held_back = find_held_out_sets(store, project, {run.evaluation_set for run in runs})
    return [run for run in runs if run.evaluation_set not in held_back]


@dataclass(frozen=True, slots=True)
class SetUse:
    """How much of an evaluation set stands in training examples."""

    name: str
    questions: int
    exact: int
    near: int

    @property
    def overlap_count(self) -> int:
        """Questions that are trained on."""
        return self.exact + self.near

    @property
    def sentence(self) -> str:
        """What it means, in one sentence."""
        return (
            f"{self.overlap_count} of the {self.questions} questions of {self.name} go into training "
            f"{describe_closeness(self.exact, self.near)}: measure what is fine-tuned on them with other questions."
        )


def find_set_use(examples: Iterable[TrainingExample], evaluation_sets: Iterable[EvaluationSet]) -> list[SetUse]:
    """The evaluation sets of which questions stand in training examples, and how many."""
    # Once each: a training set of conversations repeats its questions.
    texts = list(dict.fromkeys(user_texts(examples)))
    uses = []
    for item in evaluation_sets:
        kinds = list(find_question_overlap([example.question for example in item.examples], texts).values())
        # Sets that training takes nothing from need no warning.
        if kinds:
            uses.append(SetUse(item.name, len(item.examples), kinds.count("exact"), kinds.count("near")))
    return uses
