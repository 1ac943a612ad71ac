"""A prompt with its variables -> the messages that are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from llmopt_core.errors import BadInput
from llmopt_core.prompts.few_shot import Encode, select_examples
from llmopt_core.prompts.spec import PromptSpec, PromptStep
from llmopt_core.prompts.template import find_undefined_names, find_unused_names, render
from llmopt_core.types import Message

Mode = Literal["chat", "completion"]


def build_messages(
    prompt: PromptSpec, variables: Mapping[str, Any], mode: Mode, encode: Encode | None = None
) -> tuple[Message, ...]:
    """The messages of the prompt's last (mostly its only) call.

    Chat: the system message, each few-shot example as a user and an assistant message, the user message. Completion:
    one user message with all of it as one text, in which each example ends with its answer.

    Args:
        prompt: What to build. Outputs of its steps are expected among the variables.
        variables: Values for the templates; `question` is what few-shot examples are chosen by.
        mode: How the model is asked.
        encode: Texts -> unit vectors, for few-shot selection by embedding.

    Raises:
        BadInput: A template is wrong or a variable has no value.
    """
    system = render(prompt.system, variables)
    # Rendered apart, with their own values: an example must not see the question that is asked.
    shots = select_shots(prompt, variables, encode)
    user = render(prompt.template, variables)
    if mode == "completion":
        return (Message("user", _one_text(system, shots, user)),)
    turns = [Message(role, text) for shot in shots for role, text in zip(("user", "assistant"), shot, strict=True)]  # type: ignore[arg-type]
    return (*_system_message(system), *turns, Message("user", user))


def build_step_messages(
    prompt: PromptSpec, step: PromptStep, variables: Mapping[str, Any], mode: Mode
) -> tuple[Message, ...]:
    """The messages of one step of a chain. Few-shot examples belong to the last call only."""
    system, user = render(step.system or prompt.system, variables), render(step.template, variables)
    if mode == "completion":
        return (Message("user", _one_text(system, [], user)),)
    return (*_system_message(system), Message("user", user))


def select_shots(
    prompt: PromptSpec, variables: Mapping[str, Any], encode: Encode | None = None
) -> list[tuple[str, str]]:
    """The few-shot examples this question gets, each as what the model sees and what it is to answer.

    Raises:
        BadInput: An example lacks a variable that the template uses.
    """
    if prompt.few_shot is None:
        return []
    examples = select_examples(prompt.few_shot, str(variables.get("question", "")), encode)
    template = prompt.few_shot.template or prompt.template
    return [(_render_example(template, example), example["answer"]) for example in examples]


def templates_of(prompt: PromptSpec) -> list[str]:
    """Every template of the prompt, that of its few-shot set among them."""
    steps = [template for step in prompt.steps for template in (step.system, step.template)]
    shots = [prompt.few_shot.template] if prompt.few_shot is not None else []
    return [prompt.system, prompt.template, *steps, *shots]


def find_undefined_variables(prompt: PromptSpec, names: Sequence[str]) -> set[str]:
    """Names the prompt needs that are neither known nor made by an earlier step."""
    # Grows with each step: a step knows what those before it have written.
    available, missing = set(names), set()
    for step in prompt.steps:
        for template in (step.system or prompt.system, step.template):
            missing |= find_undefined_names(template, available)
        available.add(step.name)
    return missing | find_undefined_names(prompt.system, available) | find_undefined_names(prompt.template, available)


def find_unused_variables(prompt: PromptSpec, names: Sequence[str]) -> set[str]:
    """Known names and step names that the prompt never uses."""
    return find_unused_names(templates_of(prompt), [*names, *(step.name for step in prompt.steps)])


def _render_example(template: str, example: Mapping[str, str]) -> str:
    # Asked before rendering, to name the example and the way out; rendering would name only the variable.
    missing = find_undefined_names(template, example)
    if missing:
        excerpt = example.get("question", "")[:60]
        raise BadInput(
            f"The few-shot example {excerpt!r} has no `{sorted(missing)[0]}`, which the template uses; "
            "add it to the example, or give the few-shot set a template of its own."
        )
    return render(template, example)


def _system_message(system: str) -> tuple[Message, ...]:
    return (Message("system", system),) if system.strip() else ()


def _one_text(system: str, shots: Sequence[tuple[str, str]], user: str) -> str:
    # A model for plain text has no roles: a blank line is what parts a text there.
    parts = [system + "\n\n"] if system.strip() else []
    for text, answer in shots:
        # `Answer:` wants a space before the answer; a template that ends with a line break has its own.
        gap = "" if not text or text[-1].isspace() else " "
        parts.append(f"{text}{gap}{answer}\n\n")
    return "".join([*parts, user])
