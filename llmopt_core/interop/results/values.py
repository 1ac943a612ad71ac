"""What cells and fields of result files hold, taken carefully: texts for numbers, Python's repr for JSON, and so on."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from llmopt_core.text.json_text import parse_json
from llmopt_core.types import Message

# The names that people give to these in their own data, most telling first.
QUESTION_NAMES = ("question", "query", "user_input", "user_question", "prompt", "input", "message", "text", "problem")
REFERENCE_NAMES = (
    "expected", "expected_answer", "expected_output", "expected_response", "expectedoutput", "reference",
    "ground_truth", "groundtruth", "reference_answer", "correct_answer", "gold", "ideal", "target", "answer", "label",
)  # fmt: skip
ANSWER_NAMES = ("answer", "response", "output", "completion", "prediction", "content", "text", "result")
ID_NAMES = ("question_id", "id", "example_id", "case_id", "qid")
CATEGORY_NAMES = ("category", "subject", "topic", "type")
# More text is no list that somebody wrote into a cell; Python's own reader is slow and uses the stack.
_LONGEST_LITERAL = 2_000_000
_TRUE = frozenset(("true", "yes", "pass", "passed", "correct", "success", "thumbs-up", "thumbs_up", "up"))
_FALSE = frozenset(
    ("false", "no", "fail", "failed", "incorrect", "failure", "wrong", "thumbs-down", "thumbs_down", "down")
)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Tables of spreadsheets may have a comma in it; of larger numbers nobody could tell whether it parts thousands.
_COMMA = re.compile(r"[+-]?[01],\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_ROLES = ("system", "user", "assistant", "tool")


def number(value: Any) -> float | None:
    """A finite number, also one written as text; yes and no are none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = value.strip()
        value = value.replace(",", ".") if _COMMA.fullmatch(value) else value
        if not _NUMBER.fullmatch(value):
            return None
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def count(value: Any) -> int | None:
    """A number of tokens."""
    result = number(value)
    return None if result is None or result < 0 else round(result)


def truth(value: Any) -> bool | None:
    """Yes or no, also as the words that tools write for it; None for all else."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def grade(value: Any) -> float | None:
    """A number, or 1 and 0 for yes and no; None for all else."""
    verdict = truth(value)
    return number(value) if verdict is None else float(verdict)


def text(value: Any) -> str:
    """A text as it is, nothing for nothing, and all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def is_missing(value: Any) -> bool:
    """Whether a cell says nothing: empty, null, or not a number."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip().casefold() in ("", "nan"))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one for all else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """A list; an empty one for all else."""
    return list(value) if isinstance(value, list | tuple) else []


def unpack(value: Any) -> Any:
    """The value that a text holds as JSON or as Python writes it; the text itself where it holds neither."""
    if not isinstance(value, str) or len(value) > _LONGEST_LITERAL or value.lstrip()[:1] not in ("{", "[", '"', "'"):
        return value
    try:
        return parse_json(value)
    except ValueError:
        pass
    try:
        return ast.literal_eval(value.strip())
    # It warns of nothing: a text of ten thousand brackets ends in one of the last two.
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of one that is written into a text; a plain text alone."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = unpack(value)
    if isinstance(value, list | tuple):
        return tuple(text(item) for item in value if not is_missing(item))
    return () if is_missing(value) else (text(value),)


def pick(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The value of the first of these names that says something, whatever the case of its letters."""
    by_name = {name.casefold(): value for name, value in values.items() if isinstance(name, str)}
    return next((by_name[name] for name in names if name in by_name and not is_missing(by_name[name])), None)


def question_of(value: Any) -> str:
    """The question in an input: a text, a mapping with a telling name or a single text, or the last user's message."""
    value = unpack(value)
    if isinstance(value, Mapping):
        messages_value = value.get("messages")
        if isinstance(messages_value, list):
            return question_of(messages_value)
        question = pick(value, QUESTION_NAMES)
        if question is not None:
            return question_of(question)
        strings = [item for item in value.values() if isinstance(item, str) and item.strip()]
        return strings[0] if len(strings) == 1 else text(dict(value))
    if isinstance(value, list | tuple):
        found_messages = messages(value)
        texts = [message.content for message in found_messages if message.role == "user"]
        return texts[-1] if texts else text(list(value))
    return text(value).strip()


def answer_of(value: Any) -> str | None:
    """The answer in an output: a text, a mapping with a telling name or a single text, or the last message."""
    value = unpack(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    if value is None:
        return None
    if isinstance(value, Mapping):
        choices = value.get("choices")
        if isinstance(choices, list) and choices:
            return answer_of(mapping(choices[0]).get("message"))
        if isinstance(value.get("messages"), list):
            return answer_of(value["messages"])
        answer = pick(value, ANSWER_NAMES)
        strings = [item for item in value.values() if isinstance(item, str)]
        return text(answer) if answer is not None else strings[0] if len(strings) == 1 else text(dict(value))
    if isinstance(value, list | tuple):
        found_messages = messages(value)
        return found_messages[-1].content if found_messages else text(list(value))
    return text(value)


def messages(value: Any) -> tuple[Message, ...]:
    """Messages of a chat, in the form of OpenAI, of OpenTelemetry (`parts`), or as text of either."""
    return tuple(
        Message(role, content)
        for item in sequence(unpack(value))
        if (role := _role(mapping(item))) in _ROLES and (content := _content(item)) is not None
    )


def _role(message: Mapping[str, Any]) -> Any:
    # LangChain's messages, which Ragas keeps, have a type in its place.
    return message.get("role", {"human": "user", "ai": "assistant"}.get(text(message.get("type")), message.get("type")))


def _content(message: Mapping[str, Any]) -> str | None:
    content = message.get("content", message.get("parts"))
    if isinstance(content, list):
        parts = [part if isinstance(part, str) else _part(mapping(part)) for part in content]
        return "\n".join(part for part in parts if part)
    return text(content)


def _part(part: Mapping[str, Any]) -> str:
    value = part.get("text", part.get("content"))
    return value if isinstance(value, str) else ""


def moment(value: Any) -> datetime | None:
    """A point in time: ISO text, or seconds, milliseconds or nanoseconds since 1970."""
    try:
        if isinstance(value, str) and number(value) is None:
            time = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00"))
            return time if time.tzinfo else time.replace(tzinfo=UTC)
        stamp = number(value)
        if stamp is None or stamp <= 0:
            return None
        # Seconds have ten digits in our time, milliseconds thirteen, nanoseconds nineteen.
        scale = 1.0 if stamp < 1e11 else 1e3 if stamp < 1e14 else 1e6 if stamp < 1e17 else 1e9
        return datetime.fromtimestamp(stamp / scale, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def plain_error(value: Any) -> str:
    """A message of an error without the codes that colour it in a terminal, in its first lines."""
    if isinstance(value, Mapping):
        reason = pick(value, ("message", "error", "code", "type"))
        return plain_error(text(dict(value)) if value else "") if reason is None else plain_error(reason)
    lines = [line.strip() for line in _ANSI.sub("", text(value)).splitlines() if line.strip()]
    return " ".join(lines)[:1000]


def used_tokens(usage: Any) -> tuple[int | None, int | None]:
    """Tokens of a prompt and of its answer, by any of the names that services give them."""
    values = mapping(unpack(usage))
    prompt_tokens = pick(values, ("input_tokens", "prompt_tokens", "input", "prompt", "inputusage"))
    completion_tokens = pick(values, ("output_tokens", "completion_tokens", "output", "completion", "outputusage"))
    return count(prompt_tokens), count(completion_tokens)
