"""What is compared side by side: up to four variants over the same examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import EXAMPLE_COLUMN, assertions_of, why_not_run
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.preflight import check_run
from llmopt_core.experiments.work_name import work_name
from llmopt_core.models.registry import Models
from llmopt_core.prompts.overlap import without_repeated_questions
from llmopt_core.types import Document, EvaluationSet, Example, fingerprint

# More columns cannot be read side by side at 1440 px.
MOST_VARIANTS = 4
# The spread of answers shows in a handful; more is likelier a slip of the keyboard.
MOST_REPEATS = 20
FREE_INPUT = "free input"
# More of a typed question makes a name too long for pickers and titles.
_LONGEST = 40


@dataclass(frozen=True)
class ComparisonPlan:
    """A comparison before it runs.

    Attributes:
        variants: The columns; the others are compared with the first.
        evaluation_set: Its examples are the rows.
        assertions: Asked of every answer, before those its example brings along.
        judge: Grades rubrics and metrics.
        metrics: Further scores per answer.
        repeats: How often each variant is asked each example.
        concurrency: Answers in work at once, over all columns.
        documents: What variants with retrieval search in.
        budget_usd: The most that all answers may cost, those of earlier starts of the same comparison included.
        origin: What was chosen to make this plan, so that it can be chosen again.
    """

    project: str
    variants: tuple[Configuration, ...]
    evaluation_set: EvaluationSet
    assertions: tuple[AssertionSpec, ...] = ()
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    metrics: tuple[str, ...] = ()
    repeats: int = 1
    concurrency: int = 8
    documents: tuple[Document, ...] = ()
    budget_usd: float | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The rows, each with all of its assertions."""
        return tuple(with_assertions(example, self.assertions) for example in self.evaluation_set.examples)

    @property
    def runnable_examples(self) -> tuple[Example, ...]:
        """The rows whose questions are asked: those without an assertion that is not supported."""
        return tuple(example for example in self.evaluation_set.examples if not why_not_run(example))


def check_plan(plan: ComparisonPlan, models: Models) -> None:
    """Refuse a comparison that could only fail.

    Raises:
        BadInput: Too few or too many variants, two of one name, no example, a check that cannot be read, a variant
            with an unknown endpoint or variable.
    """
    if not 1 <= len(plan.variants) <= MOST_VARIANTS:
        raise BadInput(f"Compare 1 to {MOST_VARIANTS} variants, not {len(plan.variants)}.")
    if not 1 <= plan.repeats <= MOST_REPEATS:
        raise BadInput(f"Repeat each answer 1 to {MOST_REPEATS} times, not {plan.repeats}.")
    if plan.concurrency < 1:
        raise BadInput("Concurrency must be at least 1.")
    names = [variant.name for variant in plan.variants]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise BadInput(f"Two variants are called {double}; give each its own name.")
    for example in plan.evaluation_set.examples:
        # Called for its refusal alone.
        assertions_of(example)
    for variant in plan.variants:
        check_run(variant, plan.evaluation_set, plan.documents, plan.metrics, plan.judge, models, plan.budget_usd)
    if not plan.judge.is_builtin:
        # For its refusal of a name that is not known.
        models.endpoint(plan.judge.endpoint)


def comparison_work_name(plan: ComparisonPlan, models: Models) -> str:
    """Under which what was paid for a comparison is kept: everything that decides its answers and scores."""
    settings = [list(plan.metrics), plan.repeats]
    return fingerprint(
        "comparison",
        [
            work_name("variant", one, plan.examples, plan.documents, models, plan.judge, settings)
            for one in plan.variants
        ],
    )


def free_input(rows: Sequence[dict[str, str]]) -> EvaluationSet:
    """Typed rows as a set. Each has `question`; `reference` is the expected answer, other columns are variables.

    Raises:
        BadInput: No row has a question.
    """
    examples = tuple(
        _make_example(number, row) for number, row in enumerate(rows, 1) if row.get("question", "").strip()
    )
    if not examples:
        raise BadInput("Type at least one question.")
    first = " ".join(examples[0].question.split())
    excerpt = first if len(first) <= _LONGEST else f"{first[:_LONGEST].rstrip()}…"
    return EvaluationSet(f"{FREE_INPUT}: {excerpt}", examples)


def with_assertions(example: Example, assertions_of_all: Sequence[AssertionSpec]) -> Example:
    """The example carrying the shared assertions before its own.

    Raises:
        BadInput: Its own assertions cannot be read.
    """
    if not assertions_of_all:
        return example
    assertions = [
        assertion.model_dump(mode="json", exclude_defaults=True)
        for assertion in (*assertions_of_all, *assertions_of(example))
    ]
    return replace(example, variables={**example.variables, EXAMPLE_COLUMN: assertions})


def without_leaks(plan: ComparisonPlan) -> tuple[ComparisonPlan, dict[str, tuple[str, ...]]]:
    """The plan without few-shot examples that repeat one of its questions, and those left out by variant."""
    leaks: dict[str, tuple[str, ...]] = {}
    variants = []
    for variant in plan.variants:
        prompt, repeated_questions = without_repeated_questions(variant.prompt, plan.evaluation_set.examples)
        variants.append(variant.model_copy(update={"prompt": prompt}) if repeated_questions else variant)
        if repeated_questions:
            leaks[variant.name] = repeated_questions
    return replace(plan, variants=tuple(variants)), leaks


def _make_example(number: int, row: dict[str, str]) -> Example:
    variables = {key: value for key, value in row.items() if key not in ("question", "reference") and value.strip()}
    return Example(f"input-{number}", row["question"], row.get("reference", "").strip() or None, variables=variables)
