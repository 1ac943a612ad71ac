"""What is chosen for the next comparison, kept as a draft while it is being chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.assertion_rows import assertions_from_rows
from llmopt_core.experiments.comparison_plan import ComparisonPlan, free_input, without_leaks
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.subset import choose_examples, first_examples, random_examples
from llmopt_core.experiments.versions.prompts import load_prompt
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, Spec

USUAL_MODEL = ModelSpec(max_tokens=64, stop=("\n",))
"""For the built-in model, which stops by itself rarely."""


class VariantSetup(Spec):
    """One column.

    Attributes:
        prompt: A saved prompt: `name` for its newest version, `name@3`, or `name@production`.
        retrieval: The configuration whose retrieval fills `context`; empty for none.
    """

    prompt: str
    model: ModelSpec = USUAL_MODEL
    retrieval: str = ""


class Setup(Spec):
    """Everything about a comparison but its results.

    Attributes:
        source: Rows from an evaluation set, or typed ones.
        take: Which examples of the set: the `first` ones, `random` ones, `all`, or those `chosen` by id.
        inputs: Typed rows.
        check_rows: Checks for all answers, as typed; they may be half-finished.
        keep_repeated: Whether few-shot examples that repeat a question stay in.
    """

    variants: tuple[VariantSetup, ...] = ()
    source: Literal["set", "free"] = "set"
    set_name: str = ""
    take: Literal["first", "random", "all", "chosen"] = "first"
    count: int = Field(default=10, ge=1)
    seed: int = 0
    ids: tuple[str, ...] = ()
    inputs: tuple[dict[str, str], ...] = ()
    check_rows: tuple[dict[str, Any], ...] = ()
    metrics: tuple[str, ...] = ()
    judge: JudgeSpec = JudgeSpec()
    repeats: int = Field(default=1, ge=1)
    concurrency: int = Field(default=8, ge=1)
    budget_usd: float | None = Field(default=None, gt=0)
    keep_repeated: bool = False


def setup_from(values: Mapping[str, Any] | None) -> Setup:
    """A setup that was kept; an empty one where there is none, or another version of the program kept it."""
    try:
        return Setup.model_validate(values or {})
    # A draft is quickly chosen anew, so that it is gone is better than a page that does not open.
    except ValidationError:
        return Setup()


def select_examples(evaluation_set: EvaluationSet, setup: Setup) -> EvaluationSet:
    """The examples of the set that the setup takes."""
    if setup.take == "all":
        return evaluation_set
    if setup.take == "chosen":
        return choose_examples(evaluation_set, setup.ids)
    if setup.take == "random":
        return random_examples(evaluation_set, setup.count, setup.seed)
    return first_examples(evaluation_set, setup.count)


def plan_from(store: Store, project: Project | str, setup: Setup) -> tuple[ComparisonPlan, dict[str, tuple[str, ...]]]:
    """The comparison that was chosen, and the few-shot examples left out of each variant because they repeat a row.

    Raises:
        BadInput: Something is missing, half-finished or gone.
    """
    if not setup.variants:
        raise BadInput("Choose at least one variant.")
    if setup.source == "set" and not setup.set_name:
        raise BadInput("Choose an evaluation set, or type the inputs.")
    rows = (
        free_input(setup.inputs)
        if setup.source == "free"
        else select_examples(store.evaluation_set(project, setup.set_name), setup)
    )
    if not rows.examples:
        raise BadInput("Choose at least one example.")
    variants = variants_of(store, project, setup.variants)
    has_retrieval = any(variant.retrieval is not None for variant in variants)
    name = project if isinstance(project, str) else project.name
    plan = ComparisonPlan(
        name,
        variants,
        rows,
        assertions_from_rows(setup.check_rows),
        setup.judge,
        setup.metrics,
        setup.repeats,
        setup.concurrency,
        tuple(store.documents(project)) if has_retrieval else (),
        setup.budget_usd,
        setup.model_dump(mode="json"),
    )
    return (plan, {}) if setup.keep_repeated else without_leaks(plan)


def variants_of(store: Store, project: Project | str, variants: Sequence[VariantSetup]) -> tuple[Configuration, ...]:
    """The chosen columns as configurations, each under a name of its own.

    Raises:
        BadInput: A prompt or configuration is gone.
    """
    names = variant_names(variants)
    return tuple(
        Configuration(
            name=name,
            model=item.model,
            prompt=load_prompt(store, project, item.prompt),
            retrieval=_retrieval(store, project, item.retrieval),
        )
        for name, item in zip(names, variants, strict=True)
    )


def variant_names(variants: Sequence[VariantSetup]) -> list[str]:
    """A short name per column: its prompt, and whatever else tells it from the others."""
    parts = [
        [item.prompt.replace("@", " v" if item.prompt.rpartition("@")[2].isdecimal() else " ")] for item in variants
    ]
    # In the order in which people tell variants apart, and only as many as it takes.
    for facet in (_model_name, _temperature, _further, lambda item: item.retrieval):
        if len({tuple(part) for part in parts}) == len(parts):
            break
        words = [facet(item) for item in variants]
        # What all have in common tells none from another.
        if len(set(words)) > 1:
            parts = [[*part, word] if word else part for part, word in zip(parts, words, strict=True)]
    names = [" · ".join(part) for part in parts]
    return [
        name if names.index(name) == place else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]


def _model_name(item: VariantSetup) -> str:
    return "built-in" if item.model.endpoint == BUILTIN else item.model.name or item.model.endpoint


def _temperature(item: VariantSetup) -> str:
    return f"temperature {item.model.temperature:g}"


def _further(item: VariantSetup) -> str:
    return f"{item.model.mode or 'default'}, {item.model.max_tokens} tokens"


def _retrieval(store: Store, project: Project | str, name: str) -> RetrievalSpec | None:
    if not name:
        return None
    for item in store.configurations(project):
        if item.name == name:
            return configuration_from(item.spec).retrieval
    raise BadInput(f"There is no configuration named {name} any more; choose where passages come from.")
