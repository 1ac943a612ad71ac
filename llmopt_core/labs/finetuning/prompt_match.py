"""How a tuned model is asked: by what asks as its training examples did, on questions of their kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import get_args

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.finetuning.data.examples import TrainingExample, message_text
from llmopt_core.finetuning.data.prompt_kind import shorten_prompts
from llmopt_core.finetuning.jobs.folder import open_folder
from llmopt_core.labs.finetuning.held_out_sets import find_set_use
from llmopt_core.labs.finetuning.sources import GENERAL
from llmopt_core.labs.finetuning.structured_outputs import has_intent, is_structured
from llmopt_core.labs.finetuning.training_pairs import without_examples
from llmopt_core.prompts.messages import Mode, build_messages
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings

# All examples of a training are made alike; more of them would not change what fits.
SAMPLE_SIZE = 20
"""Examples that are compared with what a configuration sends."""
# A sign that stands in no text, at which the sent text is cut into what is fixed.
_MARK = "\x00"
Frame = tuple[tuple[str, tuple[str, ...]], ...]


def examples_of_job(settings: Settings, job_id: str, most: int | None = None) -> list[TrainingExample]:
    """The examples a job was started with, at most so many.

    Raises:
        BadInput: There is no such job, or its data cannot be read.
    """
    training_set = open_folder(settings, job_id).training_set("training")
    return list(islice(training_set.examples if training_set else (), most))


def find_matching_configuration(configurations: Iterable[Configuration], examples: Sequence[TrainingExample]) -> str:
    """The configuration that sends what the examples' prompts hold; empty where none does, or no text is fixed.

    Args:
        configurations: Of the base model; their few-shot examples are left out.
        examples: Their prompts are compared, at most `SAMPLE_SIZE` of them.
    """
    prompts = [[(str(m.get("role")), message_text(m)) for m in e.prompt] for e in examples[:SAMPLE_SIZE]]
    # By the length of fixed text: a prompt that is only the question fits everything, so it wins only where alone.
    best, best_size = "", 0
    for configuration in configurations:
        for frame in _frames(configuration):
            size = sum(len(part) for _, parts in frame for part in parts)
            if prompts and size > best_size and all(_fits(frame, prompt) for prompt in prompts):
                best, best_size = configuration.name, size
    return best


def has_instructions(examples: Sequence[TrainingExample]) -> bool:
    """Whether the prompts hold more than a question each: an instruction, a passage."""
    questions = [example.question for example in examples[:SAMPLE_SIZE]]
    return shorten_prompts(questions) != questions


def _frames(configuration: Configuration) -> list[Frame]:
    """The fixed text around question and context, message by message, for each way of asking."""
    # Without a mode the endpoint decides, so both ways of asking are tried.
    modes: Sequence[Mode] = [configuration.model.mode] if configuration.model.mode else get_args(Mode)
    # Only what retrieves has a context; elsewhere the variable would stand for text that is never sent.
    variables = {"question": _MARK, **({"context": _MARK} if configuration.retrieval is not None else {})}
    prompt = without_examples(configuration).prompt
    try:
        conversations = [build_messages(prompt, variables, mode) for mode in modes]
    except BadInput:
        # Prompts with other variables or steps cannot be built without a question, and fit nothing.
        return []
    return [tuple((m.role, tuple(m.content.split(_MARK))) for m in messages) for messages in conversations]


def _fits(frame: Frame, prompt: Sequence[tuple[str, str]]) -> bool:
    return len(frame) == len(prompt) and all(
        frame_role == role and _around(parts, text)
        for (frame_role, parts), (role, text) in zip(frame, prompt, strict=True)
    )


def _around(parts: Sequence[str], text: str) -> bool:
    """Whether a text is these parts in this order, with anything between them."""
    # No variable in this message: it is sent as it stands.
    if len(parts) == 1:
        return text == parts[0]
    first, *inner, last = parts
    # Beginning and end may not share characters: a text shorter than both fits neither.
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    # The earliest place of each part leaves the most room for those after it, so one pass is enough.
    for part in inner:
        position = text.find(part, at, end)
        if position < 0:
            return False
        at = position + len(part)
    return True


def questions_for(store: Store, project: Project | str, examples: Sequence[TrainingExample], set_name: str = "") -> str:
    """The evaluation set to measure what was learned from these examples; empty where none is of their kind.

    The chosen one where it is of their kind, else that of the newest run, else the newest; those that these examples
    have no question of come first. Structured answers are measured on structured ones; the general set is for what was
    forgotten.
    """
    # All of the sample: a few structured answers among others come from a mixed set.
    wants_structure = bool(examples) and all(has_intent(example.answer) for example in examples[:SAMPLE_SIZE])
    names = [item.name for item in store.evaluation_sets(project) if item.name != GENERAL]
    fit = [name for name in names if is_structured(store.evaluation_set(project, name)) == wants_structure]
    # In this order of preference; names may stand in it several times.
    candidates = [set_name, *(run.evaluation_set for run in store.runs(project)), *fit]
    used_names = {use.name for use in find_set_use(examples, [store.evaluation_set(project, name) for name in fit])}
    usable = [name for name in candidates if name in fit]
    # A set that training took questions from is better than none, and the page says so.
    return next((name for name in usable if name not in used_names), next(iter(usable), ""))
