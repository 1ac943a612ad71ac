"""Whether a model was seen to begin with thinking that no mark opens, or to answer without any."""

from __future__ import annotations

from typing import Literal

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.openai.refusals import Place, Refusals
from llmopt_core.types import fingerprint

ThinkingForm = Literal["unopened", "none", ""]
"""`unopened`: answers begin with thinking, of which only the end is marked. `none`: a whole answer had no thinking."""

# Remembered among the parameters, which have no spaces.
_WORDS: dict[ThinkingForm, str] = {"unopened": "thinking without an opening mark", "none": "answers without thinking"}


def recall_thinking(memory: Refusals, place: Place, model: ModelSpec) -> ThinkingForm:
    """What was seen of a model that is asked in this way. Of models that do both, a cut text is taken as thinking."""
    # The order is the rule: `unopened` wins where both were seen.
    forms: tuple[ThinkingForm, ...] = ("unopened", "none")
    return next((one for one in forms if memory.is_taken(place, _word(one, model))), "")


def learn_thinking(memory: Refusals, place: Place, model: ModelSpec, form: ThinkingForm) -> None:
    """Remember what an answer has shown."""
    memory.learn(place, [_word(form, model)], is_taken=True)


def _word(form: ThinkingForm, model: ModelSpec) -> str:
    # Further fields of a request may turn thinking on and off.
    way = [model.reasoning_effort, model.extra_body] if model.reasoning_effort or model.extra_body else []
    return " ".join([_WORDS[form], *([fingerprint(way)] if way else [])])
