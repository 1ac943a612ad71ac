"""Ready-made building blocks of a prompt, each with one line of why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmopt_core.prompts.spec import FewShotSpec, PromptSpec, PromptStep


@dataclass(frozen=True, slots=True)
class Block:
    """A building block.

    Attributes:
        name: Its key.
        title: What users read.
        why: One line on what it is good for.
        text: What it adds, for reading and copying.
        apply: Adds it to a prompt; a prompt that has it already stays as it is.
    """

    name: str
    title: str
    why: str
    text: str
    apply: Callable[[PromptSpec], PromptSpec]


def _in_system(text: str) -> Callable[[PromptSpec], PromptSpec]:
    def apply(prompt: PromptSpec) -> PromptSpec:
        if text in prompt.system:
            return prompt
        # At the end: what a person wrote keeps its place at the top.
        return _with(prompt, system=f"{prompt.system.rstrip()}\n\n{text}" if prompt.system.strip() else text)

    return apply


def _after_template(text: str, extract: str = "") -> Callable[[PromptSpec], PromptSpec]:
    def apply(prompt: PromptSpec) -> PromptSpec:
        template = prompt.template if text in prompt.template else f"{prompt.template.rstrip()}\n\n{text}"
        return _with(prompt, template=template, extract=extract or prompt.extract)

    return apply


def _before_template(text: str, mark: str) -> Callable[[PromptSpec], PromptSpec]:
    def apply(prompt: PromptSpec) -> PromptSpec:
        if mark in prompt.template:
            return prompt
        # Material before the question: models answer best what they read last.
        return _with(prompt, template=f"{text}\n\n{prompt.template.lstrip()}")

    return apply


def _delimit(prompt: PromptSpec) -> PromptSpec:
    # Only the plain place is known to be the user's text; anything else is left as its author wrote it.
    if "<question>" in prompt.template or "{{ question }}" not in prompt.template:
        return prompt
    return _with(prompt, template=prompt.template.replace("{{ question }}", DELIMITED_QUESTION))


def _with_steps(prompt: PromptSpec) -> PromptSpec:
    if any(step.name == SUBTASK.name for step in prompt.steps):
        return prompt
    # Four braces make two in an f-string: `{{ facts }}`.
    template = f"Facts:\n{{{{ {SUBTASK.name} }}}}\n\n{prompt.template.lstrip()}"
    return _with(prompt, steps=(*prompt.steps, SUBTASK), template=template)


def _with_examples(prompt: PromptSpec) -> PromptSpec:
    if prompt.few_shot is not None:
        return prompt
    return _with(prompt, few_shot=FewShotSpec(examples=EXAMPLES, template="{{ question }}"))


def _with(prompt: PromptSpec, **changes: object) -> PromptSpec:
    # Validated anew, which `model_copy` would not do.
    return PromptSpec.model_validate({**dict(prompt), **changes})


CLEAR_INSTRUCTIONS = """\
You answer questions of [who asks] about [what].
- Answer in at most two sentences.
- Use plain words.
- If something is not certain, say so."""

DELIMITED_QUESTION = "<question>\n{{ question }}\n</question>"

REFERENCE_TEXT = """\
Answer from the passages below and from nothing else. Name the passages you used, like [1]. If they do not hold the \
answer, say: I don't know.

{{ context }}"""

OUTPUT_FORMAT = """\
Reply with one JSON object and nothing else:
{"answer": "the answer in a few words", "certain": true or false}"""

TIME_TO_THINK = """\
First reason step by step. Then write the result on a last line that begins with "Answer:"."""

# The last match counts, so an earlier "Answer:" within the reasoning does no harm; the dot ends at the line.
ANSWER_LINE = r"Answer:\s*(?P<answer>.+)"

SUBTASK = PromptStep(
    name="facts",
    template="List the facts that matter for this question, one per line, without answering it.\n\n{{ question }}",
)

EXAMPLES = (
    {"question": "[a typical question]", "answer": "[the answer exactly as you want it]"},
    {"question": "[a difficult question]", "answer": "[its answer]"},
)

BLOCKS: tuple[Block, ...] = (
    Block(
        "clear-instructions",
        "Clear instructions",
        "A model cannot guess the reader, the length and the tone; say them, and it stops varying.",
        CLEAR_INSTRUCTIONS,
        _in_system(CLEAR_INSTRUCTIONS),
    ),
    Block(
        "delimiters",
        "Delimiters",
        "Marks around what users write keep instructions and material apart.",
        DELIMITED_QUESTION,
        _delimit,
    ),
    Block(
        "reference-text",
        "Reference text",
        "A model that answers from given text invents less, and you can check it.",
        REFERENCE_TEXT,
        _before_template(REFERENCE_TEXT, "{{ context }}"),
    ),
    Block(
        "output-format",
        "Output format",
        "A fixed form can be read by a program, and checked on every answer.",
        OUTPUT_FORMAT,
        _after_template(OUTPUT_FORMAT),
    ),
    Block(
        "time-to-think",
        "Time to think",
        "Reasoning before the answer helps where several steps are needed; the pattern takes only the answer.",
        TIME_TO_THINK,
        _after_template(TIME_TO_THINK, ANSWER_LINE),
    ),
    Block(
        "subtasks",
        "Split into subtasks",
        "Two easy calls often beat a difficult one: the first gathers facts, the second answers from them.",
        SUBTASK.template,
        _with_steps,
    ),
    Block(
        "examples",
        "Examples",
        "Two or three examples show form and tone better than any description.",
        "\n".join(f"{example['question']} -> {example['answer']}" for example in EXAMPLES),
        _with_examples,
    ),
)


def block(name: str) -> Block:
    """The block of that name.

    Raises:
        KeyError: There is none.
    """
    return {entry.name: entry for entry in BLOCKS}[name]
