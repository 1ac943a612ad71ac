"""Conversations as other tools write them (Alpaca, ShareGPT, TRL, Gemini …) -> OpenAI's chat form.

Sources: the READMEs of stanford_alpaca and FastChat, TRL's "Dataset formats", Vertex AI's and Bedrock's pages on tuning
data, Anthropic's hh-rlhf, and Databricks' dolly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.prompts import plain_text_forms as plain
from llmopt_core.prompts.speaker_turns import after_common, common_messages, speaker_turns

# Names of who speaks at ShareGPT, Vicuna, Gemini, Cohere and others -> OpenAI's.
_ROLES = {
    "system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "bot": "assistant", "model": "assistant",
    "chatbot": "assistant", "ai": "assistant",
}  # fmt: skip
_QUESTIONS = ("prompt", "question", "query", "user", "instruction", "input", "inputs")
_ANSWERS = ("completion", "answer", "response", "output", "assistant", "target", "targets")
_OUTPUT_KEYS = ("output", "response", "completion", "answer")
_TALKS = ("conversations", "conversation", "dialog", "dialogue", "chat", "turns", "data")
_SYSTEMS = ("system", "system_prompt", "system_message")

ALPACA = "Alpaca (instruction, input, output)"
SHAREGPT = "ShareGPT (conversations of from and value)"
PAIR = "prompt and completion"
PREFERENCE = "preference pairs (prompt, chosen, rejected)"
MESSAGES = "a bare list of messages"
OTHER_ROLES = "messages with other names of roles"
SYSTEM_APART = "messages with the system message apart"
GEMINI = "Gemini (contents and parts)"
KTO = "single answers with a verdict (KTO)"
TEXT = "plain texts"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A line of another form.

    Attributes:
        form: What its form is called.
        value: It in OpenAI's form; None where that cannot be, and `problem` says why.
        about: Its label and group, which are no part of OpenAI's form.
    """

    form: str
    value: dict[str, Any] | None
    problem: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


def convert(value: Any) -> Conversion | None:
    """A line in OpenAI's form; None where it has that form already, or none that is known."""
    form = _form(value)
    # Spreadsheets and some exporters write `Prompt` and `Completion`; tried second, as keys of the usual forms are
    # small.
    if not form and isinstance(value, Mapping) and any(str(key) != str(key).lower() for key in value):
        value = {str(key).lower(): item for key, item in value.items()}
        form = _form(value)
    if not form:
        return None
    try:
        # Known, to say what is missing: taken for a pair, its bad answers would be learnt as good ones.
        if form == KTO:
            raise BadInput("it has one answer with a verdict; expected pairs of a chosen and a rejected answer")
        if form == TEXT:
            raise BadInput("it is a plain text, no conversation; expected a question and an answer")
        if form in plain.PAIRS_OF:
            talk = [turn for question, answer in plain.PAIRS_OF[form](value) for turn in _pair(question, answer)]
            head = _head(value) if isinstance(value, Mapping) else []
            # XTuner writes the system message into the first turn.
            head = head or _head({"system": plain.system_of(value)})
            return Conversion(form, {"messages": [*head, *talk]}, about=_about(value))
        return Conversion(form, _CONVERT[form](value), about=_about(value))
    except BadInput as error:
        return Conversion(form, None, str(error))


def alpaca_question(instruction: str, context: str) -> str:
    """What Alpaca asks: the instruction, and below it the input where there is one."""
    return f"{instruction}\n\n{context}" if context.strip() else instruction


def _form(value: Any) -> str:
    if isinstance(value, list):
        return MESSAGES if value and all(_is_turn(item) for item in value) else plain.TWO * plain.is_two_texts(value)
    if not isinstance(value, Mapping):
        return ""
    # Before all others: a pair of answers has everything that a single one has, too.
    if {"chosen", "rejected"} <= value.keys():
        # Some beside `messages`, which hold the chosen conversation again.
        return PREFERENCE
    if "messages" in value or {"input", "preferred_output"} <= value.keys():
        return _form_of_messages(value)
    return next((form for form, has_it in _MARKS.items() if has_it(value)), "")


def _is_pair(value: Mapping[str, Any]) -> bool:
    return _first(value, _QUESTIONS) is not None and _first(value, _ANSWERS) is not None


def _form_of_messages(value: Mapping[str, Any]) -> str:
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        return ""
    if all(isinstance(m, Mapping) and "from" in m and "value" in m for m in messages):
        return SHAREGPT
    # Anthropic's and Bedrock's form.
    if "system" in value:
        return SYSTEM_APART
    roles = [str(m.get("role")) for m in messages if isinstance(m, Mapping)]
    return OTHER_ROLES if any(_ROLES.get(role.lower(), role) != role for role in roles) else ""


def _is_turn(item: Any) -> bool:
    return isinstance(item, Mapping) and ({"role", "content"} <= item.keys() or {"from", "value"} <= item.keys())


def _is_talk(value: Mapping[str, Any], name: str) -> bool:
    items = value.get(name)
    # Only that name is surely a talk: `data` and `turns` are words for anything.
    return isinstance(items, list) and (name.startswith("conversation") or (bool(items) and all(map(_is_turn, items))))


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _about(value: Any) -> dict[str, str]:
    mapping = value if isinstance(value, Mapping) else {}
    return {
        key: str(mapping[key]) for key in ("label", "group") if isinstance(mapping.get(key), str | int) and mapping[key]
    }


def _turns(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Messages of a list in ShareGPT's or OpenAI's words."""
    turns = []
    for number, item in enumerate(items, 1):
        if not _is_turn(item):
            raise BadInput(f"message {number}: expected from and value, or role and content")
        if "role" in item:
            # With everything else that the message holds, such as calls of tools; an unknown role stays, for the check
            # to name it.
            turns.append({**item, "role": _ROLES.get(str(item["role"]).lower(), item["role"])})
            continue
        role = _ROLES.get(str(item["from"]).lower())
        if role is None:
            raise BadInput(f"message {number}: calls of tools are not read from this form (from: {item['from']})")
        turns.append({"role": role, "content": item["value"]})
    return turns


def _side(value: Any, role: str) -> list[dict[str, Any]]:
    """A text as one message, or the messages that it is already."""
    if isinstance(value, list):
        return _turns(value)
    if not isinstance(value, str):
        raise BadInput(f"expected a text or a list of messages, found {type(value).__name__}")
    return [{"role": role, "content": value}]


def _head(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = _first(value, _SYSTEMS)
    return [{"role": "system", "content": system}] if isinstance(system, str) and system.strip() else []


def _with_tools(value: Mapping[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any]:
    tools = value.get("tools")
    return {"messages": messages, **({"tools": tools} if isinstance(tools, list) and tools else {})}


def _from_sharegpt(value: Mapping[str, Any]) -> dict[str, Any]:
    turns = _turns(next((value[name] for name in (*_TALKS, "messages") if value.get(name)), []))
    # Some write it in both places.
    head = [] if any(turn["role"] == "system" for turn in turns) else _head(value)
    return _with_tools(value, [*head, *turns])


def _from_system_apart(value: Mapping[str, Any]) -> dict[str, Any]:
    system = value["system"]
    # A text at Anthropic, a list of blocks at Bedrock.
    blocks = system if isinstance(system, list) else [system]
    text = "\n".join(str(block.get("text", "")) if isinstance(block, Mapping) else str(block or "") for block in blocks)
    messages = [{**m, "content": _plain(m.get("content"))} if isinstance(m, Mapping) else m for m in value["messages"]]
    # `schemaVersion` is Bedrock's, and names a form that this is no longer.
    rest = {key: item for key, item in value.items() if key not in ("system", "messages", "schemaVersion")}
    return {**rest, "messages": [*_head({"system": text}), *messages]}


def _plain(content: Any) -> Any:
    """Blocks of text alone as one text; anything else as it is."""
    if isinstance(content, list) and content and all(isinstance(b, Mapping) and "text" in b for b in content):
        return "\n".join(str(block["text"]) for block in content)
    return content


def _from_gemini(value: Mapping[str, Any]) -> dict[str, Any]:
    # As JSON and as Python's client write it.
    head = value.get("systemInstruction") or value.get("system_instruction") or {}
    turns = []
    for number, item in enumerate([{**head, "role": "system"}, *value["contents"]] if head else value["contents"], 1):
        parts = item.get("parts") if isinstance(item, Mapping) else None
        if not isinstance(parts, list) or not all(isinstance(p, Mapping) and "text" in p for p in parts):
            raise BadInput(f"content {number}: only parts of text are read from this form")
        # Gemini leaves the role out of a conversation's only turn.
        role = _ROLES.get(str(item.get("role", "user")), "user")
        turns.append({"role": role, "content": "\n".join(str(part["text"]) for part in parts)})
    return {"messages": turns}


def _from_alpaca(value: Mapping[str, Any]) -> dict[str, Any]:
    # Dolly calls it `context`.
    question = alpaca_question(str(value["instruction"]), str(value.get("input") or value.get("context") or ""))
    return {"messages": [*_head(value), *_earlier(value), *_pair(question, str(_first(value, _OUTPUT_KEYS)))]}


def _pair(question: str, answer: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _earlier(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Questions with their answers that went before."""
    history = value.get("history")
    # LLaMA-Factory's `history`: pairs of question and answer.
    pairs = [list(pair) for pair in history if isinstance(pair, list | tuple)] if isinstance(history, list) else []
    return [turn for pair in pairs if len(pair) == 2 for turn in _pair(*map(str, pair))]


def _from_pair(value: Mapping[str, Any]) -> dict[str, Any]:
    question, answer = _side(_first(value, _QUESTIONS), "user"), _side(_first(value, _ANSWERS), "assistant")
    return _with_tools(value, [*_head(value), *_earlier(value), *question, *answer])


def _from_preference(value: Mapping[str, Any]) -> dict[str, Any]:
    prompt = _first(value, _QUESTIONS)
    if "instruction" in value:
        prompt = alpaca_question(str(value["instruction"]), str(value.get("input") or ""))
    chosen_value, rejected_value = value["chosen"], value["rejected"]
    # hh-rlhf: two whole conversations as text, that differ at their end.
    if prompt is None and isinstance(chosen_value, str) and isinstance(rejected_value, str):
        chosen_value, rejected_value = speaker_turns(chosen_value), speaker_turns(rejected_value)
    good, bad = _side(chosen_value, "assistant"), _side(rejected_value, "assistant")
    question = _side(prompt, "user") if prompt is not None else common_messages(good, bad)
    # Some repeat the question at the beginning of both answers.
    good, bad = after_common(good, question), after_common(bad, question)
    if not question:
        raise BadInput("the question before the two answers is missing; expected `prompt`")
    return {
        "input": _with_tools(value, [*_head(value), *question]),
        "preferred_output": good,
        "non_preferred_output": bad,
    }


# In this order: what one form has, a later one may have too.
_MARKS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    plain.TALK: plain.is_talk_of_texts,
    plain.PAIRS: plain.is_talk_of_pairs,
    SHAREGPT: lambda v: any(_is_talk(v, name) for name in _TALKS),
    GEMINI: lambda v: isinstance(v.get("contents"), list),
    PREFERENCE: lambda v: "chosen" in v and "rejected" in v,
    KTO: lambda v: _is_pair(v) and isinstance(v.get("label"), bool) and "completion" in v,
    ALPACA: lambda v: "instruction" in v and isinstance(_first(v, _OUTPUT_KEYS), str),
    plain.CHOICES: plain.has_choices,
    PAIR: _is_pair,
    **plain.MARKS,
    TEXT: lambda v: set(v) == {"text"} and isinstance(v["text"], str),
}
_CONVERT: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    MESSAGES: lambda v: {"messages": _turns(v)},
    OTHER_ROLES: lambda v: {**v, "messages": _turns(v["messages"])},
    SHAREGPT: _from_sharegpt,
    SYSTEM_APART: _from_system_apart,
    GEMINI: _from_gemini,
    ALPACA: _from_alpaca,
    PAIR: _from_pair,
    PREFERENCE: _from_preference,
}
