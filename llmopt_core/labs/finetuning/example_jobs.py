"""Examples that a model has to make first, as kinds of jobs: a larger model's answers, and training pairs."""

from __future__ import annotations

from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.versions.training_sets import collect
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.finetuning.sources import distill_examples
from llmopt_core.labs.finetuning.training_pairs import training_pairs
from llmopt_core.models.base import ModelSpec
from llmopt_core.types import Spec

# Of rejected answers so many say why; the list is read by people.
_MOST_REASONS = 50


class DistilArguments(Spec):
    """Which model answers which questions; see `distill_examples`.

    Attributes:
        questions: Name of the evaluation set; `set_version` says which of its states.
        asked: Its prompt asks.
        model, endpoint: The teacher's, for whoever reads the list of jobs.
    """

    questions: str
    set_version: str
    asked: Configuration
    teacher: ModelSpec
    model: str
    endpoint: str
    assertions: tuple[AssertionSpec, ...] = ()
    least_f1: float = 0.0
    budget_usd: float | None = None


class PairsArguments(Spec):
    """Which questions are asked as which configuration asks them; see `training_pairs`."""

    questions: str
    set_version: str
    configuration: str
    asked: Configuration


def distil(context: JobContext, arguments: DistilArguments) -> dict[str, Any]:
    """Let a larger model answer, and collect what passes."""
    # The state that was chosen, whatever was edited since.
    questions = context.store.evaluation_set(context.project, arguments.questions, arguments.set_version)
    distillation = context.work(
        lambda models: distill_examples(
            questions.examples, arguments.teacher, arguments.asked.prompt, models,
            assertions=arguments.assertions, least_f1=arguments.least_f1, budget_usd=arguments.budget_usd,
            on_done=lambda done, total: context.report({"done": done, "total": total}),
            should_stop=context.should_cancel,
        )
    )  # fmt: skip
    # An error, though the work was done: nobody would look for reasons behind "0 added".
    if not distillation.examples and distillation.rejections:
        why = next(iter(distillation.rejections.values()))
        raise BadInput(f"No answer was kept; the first was rejected because of this: {why}")
    # In the order of the questions, so the first ones say why.
    reasons = dict(list(distillation.rejections.items())[:_MOST_REASONS])
    count = collect(context.store, context.project, distillation.examples)
    return {
        "added": count,
        "rejected": len(distillation.rejections),
        "reasons": reasons,
        "stopped": distillation.stop_reason,
    }


def make_pairs(context: JobContext, arguments: PairsArguments) -> dict[str, Any]:
    """Retrieve for each question, and collect the pairs."""
    questions = context.store.evaluation_set(context.project, arguments.questions, arguments.set_version)
    # Before the documents are read and the index is built, which may take minutes.
    context.report({"done": 0, "total": len(questions.examples), "message": "retrieving"})
    documents = context.store.documents(context.project)
    # Without retrieval the pairs hold the questions alone, and documents do not matter.
    if arguments.asked.retrieval is not None:
        context.check_version("documents", documents_version(documents))
    pairs = context.work(lambda models: training_pairs(arguments.asked, documents, questions.examples, models))
    return {"added": collect(context.store, context.project, pairs.examples)}


DISTIL = JobKind("distillation", DistilArguments, distil, "A larger model answers questions")
PAIRS = JobKind("training-pairs", PairsArguments, make_pairs, "Making training pairs of")
