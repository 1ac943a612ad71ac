"""Asks an LLM for another wording of an instruction, shown what went wrong with the present one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.search.results import Part
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.prompts.messages import Mode
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.text.words import fold_to_words
from llmopt_core.types import Example, Message, Record

# What went wrong most often is among the first few; more would fill a small model's window.
MOST_FAILURES = 8
# Characters: a rewrite of more tells of single cases instead of a rule.
_MOST_CHARACTERS = 4_000
# For completion models, whose windows are small: two failures, cut to 160 characters; 600 for chats.
_FEW, _SHORT, _LONG = 2, 160, 600
# Tokens: the words around one failure, and the fixed text of the request. Rounded up, for an estimate.
_AROUND, _BOILERPLATE = 40, 900


def text_of(prompt: PromptSpec, part: Part) -> str:
    """The instruction that is rewritten."""
    return prompt.system if part == "system" else prompt.template


def usual_part(prompt: PromptSpec) -> Part:
    """Where a prompt's instruction mostly stands: the system message, unless only the user message has words."""
    # Expressions may span lines; one that is never closed takes the rest, as nothing after it is text.
    # `.*?` stops at the first end, so every character is looked at once per expression.
    words = re.sub(r"\{\{.*?(?:\}\}|\Z)", "", prompt.template, flags=re.DOTALL).split()
    return "template" if not prompt.system.strip() and len(words) > _WORDS_OF_A_LABEL else "system"


def worst(records: Sequence[Record], values: Sequence[float | None], higher_is_better: bool = True) -> list[Record]:
    """The answers with the lowest scores, perfect ones left out."""
    ranking = [
        (value if higher_is_better else -value, place)
        for place, value in enumerate(values)
        # Where less is better there is no perfect value.
        if value is not None and (value < 1 or not higher_is_better)
    ]
    # Of equal values the earlier question: the same failures at every call.
    return [records[place] for _, place in sorted(ranking)[:MOST_FAILURES]]


def proposal_request(  # noqa: PLR0917
    text: str, part: Part, failures: Sequence[Record], proposer: ModelSpec, mode: Mode, number: int
) -> ChatRequest:
    """The call that asks for one rewrite.

    Args:
        text: The present instruction.
        part: Where it stands.
        failures: Answers that scored badly with it.
        proposer: Who is asked.
        mode: How it is asked; a completion model gets a short text with two worked examples.
        number: Counts the rewrites asked for; each gets another hint and another seed.
    """
    # In turn, so that rewrites do not all try the same thing.
    hint = HINTS[number % len(HINTS)]
    if mode == "completion":
        failure_text = "\n".join(_failure(record, _SHORT) for record in failures[:_FEW])
        prompt = COMPLETION.format(text=_one_line(text) or EMPTY, failures=failure_text, hint=hint)
        # `repeat` changes the key of the call cache: the same request gives another rewrite.
        return ChatRequest((Message("user", prompt),), proposer, repeat=number)
    variables = sorted(variables_in(text)) if part == "template" else []
    names = ", ".join(f"{{{{ {name} }}}}" for name in variables)
    # Braces in a system message that has no variables would be read as some.
    rule = KEEP_VARIABLES.format(names=names) if names else NO_VARIABLES
    failure_text = "\n\n".join(_failure(record) for record in failures)
    prompt = CHAT.format(text=text.strip() or EMPTY, failures=failure_text, hint=hint, rule=rule)
    return ChatRequest((Message("system", SYSTEM), Message("user", prompt)), proposer, repeat=number)


def most_proposal_tokens(examples: Sequence[Example], text: str, answer_tokens: int, proposer: ModelSpec) -> int:
    """The most tokens of a call that asks for a rewrite.

    Args:
        examples: Whose answers may be shown.
        text: The instruction as it is.
        answer_tokens: The most of an answer.
        proposer: Its rewrites are rewritten in later rounds.
    """
    count = tokenizer("cl100k_base").count
    token_counts = (count(_cut(one.question, _LONG)) + count(_cut(one.reference or "", _LONG)) for one in examples)
    # An answer is shown up to `_LONG` characters, which are at most as many tokens.
    each = max(token_counts, default=0) + min(_LONG, answer_tokens) + _AROUND
    return MOST_FAILURES * each + max(count(text), proposer.max_tokens) + _BOILERPLATE


def instruction_in(reply: str) -> str:
    """The rewrite inside a reply: what stands between the tags; without tags, the reply without its trimmings."""
    # An end that is missing takes the rest: replies are cut off. One lazy run between two fixed marks.
    # `<Instruction>` in capitals is taken as well.
    match = re.search(r"<instruction>(.*?)(?:</instruction>|\Z)", reply, re.DOTALL | re.IGNORECASE)
    # Without tags: a fence of three backticks around the whole is a trimming.
    text = match[1] if match else re.sub(r"^```\w*\n|\n?```\s*$", "", reply.strip())
    # `Better instruction: ...`, as the worked examples begin.
    text = re.sub(r"^(?:(?:better|new|improved) )?instruction:\s*", "", text.strip(), flags=re.IGNORECASE)
    for quote in ('"', "'", "`"):
        # Longer than one sign: a single quote is its own beginning and end.
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            text = text[1:-1]
    return text.strip()


def refusal(text: str, original: str, part: Part, instructions: Sequence[str], finish_reason: str = "") -> str:
    """Why a rewrite is not tried, in words; empty where it is.

    Args:
        text: The rewrite.
        original: What it replaces.
        part: Where it stands.
        instructions: Texts that were tried before.
        finish_reason: Of the reply; one that was cut off is no instruction.
    """
    # Only marks and spaces: nothing that could be said to a model.
    if not fold_to_words(text):
        return "The reply holds no instruction."
    if finish_reason == "length":
        return "The reply was cut off at the limit of tokens."
    # Twice the original: a long instruction may have a long rewrite.
    if len(text) > max(_MOST_CHARACTERS, 2 * len(original)):
        return f"It is {len(text):,} characters long."
    # Folded: another capital is no other instruction, and would be paid in full.
    if fold_to_words(text) in {fold_to_words(other) for other in instructions}:
        return "It says the same as one that was tried already."
    return _wrong_variables(text, original, part)


def _wrong_variables(text: str, original: str, part: Part) -> str:
    # Statements can leave text out or repeat it, which a look at the variables does not show.
    if "{%" in text and "{%" not in original:
        return "It brings in Jinja2 statements."
    try:
        original_variables, variables = variables_in(original), variables_in(text)
    except BadInput as error:
        return str(error)
    # A variable that nothing fills fails at every question.
    if variables - original_variables:
        return f"It uses {{{{ {sorted(variables - original_variables)[0]} }}}}, which the original does not."
    # A template without `{{ question }}` asks nothing; a system message needs none of them.
    if part == "template" and original_variables - variables:
        return f"It has lost {{{{ {sorted(original_variables - variables)[0]} }}}}."
    return ""


def _failure(record: Record, limit: int = _LONG) -> str:
    answer = record.answer.text if record.answer is not None else "(no answer)"
    parts = [f"Question: {_cut(record.example.question, limit)}"]
    if record.example.reference:
        parts.append(f"Expected: {_cut(record.example.reference, limit)}")
    parts.append(f"Answered: {_cut(answer, limit) or '(nothing)'}")
    return "\n".join(parts)


def _cut(text: str, limit: int) -> str:
    line = _one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# A template of fewer words is labels such as `Question:` and `Answer:`, and no instruction.
_WORDS_OF_A_LABEL = 6

EMPTY = "(there is none yet)"

HINTS = (
    "Say exactly what form the answer has, and what must not be in it.",
    "Name the mistake that the wrong answers share, and say how to avoid it.",
    "Say it in fewer and plainer words.",
    "Say what to do first, before answering.",
    "Say what to do when the answer is not certain.",
)

SYSTEM = "You improve the instructions that a language model is given."

CHAT = """\
A language model is given this instruction:

<instruction>
{text}
</instruction>

These answers were wrong or incomplete:

{failures}

Write a better instruction for all questions of this kind. Do not mention these questions or their answers. {hint}
{rule}
Reply with the new instruction between <instruction> and </instruction>, and nothing else."""

KEEP_VARIABLES = "Keep these variables exactly as they are, each once: {names}."

NO_VARIABLES = "Do not use braces."

COMPLETION = """\
Instruction: Translate.
Wrong answer: The French word for house is maison.
Better instruction: Translate the word into French. Answer with the French word alone.

Instruction: Tell the sentiment.
Wrong answer: The customer seems to be quite happy.
Better instruction: Is the review positive or negative? Answer with one word: positive or negative.

Instruction: {text}
{failures}
{hint}
Better instruction:"""
