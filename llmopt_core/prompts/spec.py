"""What a prompt is: templates, a few-shot selection, and how the answer is taken out of what the model wrote."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from llmopt_core.prompts.patterns import check_pattern
from llmopt_core.types import Spec

# A name that Jinja2 takes for a variable, in letters of any script.
NAME = re.compile(r"[^\W\d]\w*")


class PromptStep(Spec):
    """One step of a chain: its output is a variable, called `name`, of the steps after it and of the template.

    Attributes:
        system: The step's own system message; empty takes the prompt's.
        extract: Regular expression with a group `answer`, applied to the step's output; empty takes all of it.
    """

    name: str
    template: str
    system: str = ""
    extract: str = ""

    @field_validator("name")
    @classmethod
    def _usable_as_variable(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"a step's name becomes a variable, so it needs letters, digits and _ only, not {name!r}")
        return name

    _check_extract = field_validator("extract")(check_pattern)


class FewShotSpec(Spec):
    """Which examples go into the prompt.

    Attributes:
        examples: Each has `answer`, mostly `question`, and whatever else the template uses.
        select: `all`; the `first` k; k at `random` with the seed; the k `nearest` to the question by embedding; k
            `diverse` ones, near the question and unlike each other (MMR).
        k: How many to take; not used by `all`.
        template: How an example's question is written; empty takes the prompt's template.
    """

    # Tuples, as a spec is frozen; texts alone, since templates and files know no other.
    examples: tuple[dict[str, str], ...] = ()
    select: Literal["all", "first", "random", "nearest", "diverse"] = "all"
    k: int = Field(default=3, ge=0)
    seed: int = 0
    template: str = ""

    @field_validator("examples")
    @classmethod
    def _have_answers(cls, examples: tuple[dict[str, str], ...]) -> tuple[dict[str, str], ...]:
        for number, example in enumerate(examples, start=1):
            if "answer" not in example:
                raise ValueError(f"few-shot example {number} has no `answer`, only: {', '.join(example) or 'nothing'}")
        return examples


class PromptSpec(Spec):
    r"""A prompt: what is sent, and what counts as the answer.

    Attributes:
        system: Template of the system message; empty sends none.
        template: Template of the user message.
        steps: Calls made before the final one (a chain).
        few_shot: Examples shown to the model; None for none.
        extract: Regular expression with a group `answer` that finds the answer in the model's text, such as
            `Answer:\s*(?P<answer>.+)`. Its last match counts. Empty takes the whole text.
    """

    system: str = ""
    template: str = "{{ question }}"
    steps: tuple[PromptStep, ...] = ()
    few_shot: FewShotSpec | None = None
    extract: str = ""

    _check_extract = field_validator("extract")(check_pattern)

    @model_validator(mode="after")
    def _steps_have_own_names(self) -> PromptSpec:
        names = [step.name for step in self.steps]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"two steps are called {double[0]!r}; give each its own name")
        return self
