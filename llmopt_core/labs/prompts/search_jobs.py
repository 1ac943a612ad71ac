"""The searches of the prompt lab as kinds of jobs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.provenance import DOCUMENTS
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, INSTRUCTION, SearchTask
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.prompts.few_shot_effect import measure_few_shot_effect
from llmopt_core.labs.prompts.few_shot_search import choose_few_shot
from llmopt_core.labs.prompts.instruction_search import USUAL_PROPOSER, search_instruction
from llmopt_core.labs.prompts.search_setup import SearchSetup, confirm_set, task_for
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Spec

Search = Callable[..., Coroutine[Any, Any, Spec]]


class SearchArguments(Spec):
    """What is searched.

    Attributes:
        subject: The few-shot set or prompt that it is about.
        source: The same, in words.
        set_version: Which state of the set is asked.
        confirm_version: Which state of its confirm part, where the set is the search part of a split.
        setup: What was chosen.
        configuration: What that came to.
        basis: What the result rests on; see `search_setup.search_basis`.
    """

    subject: str
    source: str
    evaluation_set: str
    set_version: str
    metric: str
    setup: SearchSetup
    configuration: Configuration
    basis: dict[str, str]
    confirm_version: str = ""


class EffectArguments(SearchArguments):
    """What each few-shot example is worth: see `measure_few_shot_effect`."""

    keep_examples: bool = False


class ChoiceArguments(SearchArguments):
    """A choice of few-shot examples: see `choose_few_shot`."""

    method: Literal["greedy", "random"] = "greedy"
    most: int = 3
    trials: int = 12
    keep_examples: bool = False


class InstructionArguments(SearchArguments):
    """A search for a better instruction: see `search_instruction`."""

    part: Literal["system", "template"] = "system"
    proposer: ModelSpec = USUAL_PROPOSER
    rewrites: int = 4
    rounds: int = 1


def search_arguments(  # noqa: PLR0917
    store: Store, kind: str, subject: str, task: SearchTask, setup: SearchSetup, basis: dict[str, str], **options: Any
) -> SearchArguments:
    """A search as arguments; the state of its set is kept.

    Args:
        store: Holds the set.
        kind: Which search.
        subject: What it is about.
        task: What the setup came to.
        setup: What was chosen.
        basis: What the result rests on.
        options: Of the search.
    """
    # The whole set, of which the task may hold a part drawn by chance.
    whole = store.evaluation_set(task.project, setup.set_name)
    store.keep_evaluation_set(task.project, whole)
    confirm = confirm_set(store, task.project, setup.set_name)
    if confirm is not None:
        store.keep_evaluation_set(task.project, confirm)
    arguments: SearchArguments = SEARCHES[kind].arguments(
        subject=subject,
        source=task.source,
        evaluation_set=task.evaluation_set.name,
        set_version=whole.version,
        metric=task.metric,
        setup=setup,
        configuration=task.configuration,
        basis=basis,
        confirm_version=confirm.version if confirm is not None else "",
        **options,
    )
    return arguments


def _run(search: Search) -> Callable[[JobContext, Any], dict[str, Any]]:
    def run(context: JobContext, arguments: SearchArguments) -> dict[str, Any]:
        task = task_for(
            context.store, context.project, arguments.setup, arguments.configuration, arguments.source,
            arguments.set_version, arguments.confirm_version,
        )  # fmt: skip
        # Without retrieval no document is read.
        if task.documents:
            context.check_version(DOCUMENTS, documents_version(task.documents))
        # What this search has beyond all others: the options of its function.
        own = type(arguments).model_fields.keys() - SearchArguments.model_fields.keys()
        options = {name: getattr(arguments, name) for name in own}
        result = context.work(
            lambda models: search(task, models, report=context.report, should_cancel=context.should_cancel, **options)
        )
        return {"found": result.model_dump(mode="json")}

    return run


EFFECT = JobKind(FEW_SHOT_EFFECT, EffectArguments, _run(measure_few_shot_effect), "Leaving out examples of")
EXAMPLE_CHOICE = JobKind(CHOICE, ChoiceArguments, _run(choose_few_shot), "Choosing examples of")
INSTRUCTION_SEARCH = JobKind(
    INSTRUCTION, InstructionArguments, _run(search_instruction), "Searching for a better instruction"
)
SEARCHES: dict[str, JobKind[Any]] = {kind.name: kind for kind in (EFFECT, EXAMPLE_CHOICE, INSTRUCTION_SEARCH)}
