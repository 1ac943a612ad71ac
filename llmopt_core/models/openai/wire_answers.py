"""OpenAI answers as ours, every field checked. Pure: nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.models.finish import ERROR, normalise_reason
from llmopt_core.models.openai.wire_tools import CallPiece, read_calls
from llmopt_core.models.openai.wire_values import finite, label_of, readable, token_count, value_words
from llmopt_core.text.thinking import parts_of, thinking_field

Logprobs = tuple[Mapping[str, float], ...]

UNKNOWN_REASON = "unknown"


class InBandError(ValueError):
    """An error that came in place of an answer or broke it off, with status 200.

    Attributes:
        body: What came.
    """

    def __init__(self, body: Any) -> None:
        super().__init__("an error in place of an answer")
        self.body = body

    @property
    def status(self) -> int | None:
        """The status that it names in place of the answer's 200."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        # The inner object first: beside it, brokers put a status of their own.
        for place in (error, self.body):
            fields = place if isinstance(place, dict) else {}
            for name in ("code", "status", "status_code"):
                value = fields.get(name)
                # `"code": "429"` at some; `"code": "insufficient_quota"` is no number.
                digits = value if isinstance(value, str) and value.isdigit() and len(value) == 3 else ""
                number = value if isinstance(value, int) and not isinstance(value, bool) else int(digits or 0)
                # Some number their errors themselves (`1001`), which must not be taken for a status.
                if 400 <= number < 600:
                    return number
        return None


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens that an endpoint reports; None where it does not, or reports what is no number of tokens."""

    prompt: int | None = None
    completion: int | None = None
    cached: int = 0
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What a whole answer, or one piece of a streamed one, says.

    Attributes:
        text: As it came; it may hold half a character.
        thinking: A reasoning model's text beside the answer.
        busy: Whether there is anything at all beside the answer.
        notes: Fields that were dropped, and why.
        calls: What it says of calls of tools.
    """

    text: str = ""
    finish_reason: str = ""
    counts: Counts | None = None
    logprobs: Logprobs = ()
    thinking: str = ""
    busy: bool = False
    notes: tuple[str, ...] = ()
    calls: tuple[CallPiece, ...] = ()


def read_answer(answer: Any) -> Piece:
    """Read a whole (chat) completion.

    Raises:
        ValueError: It holds no choice, or no message where one must be.
    """
    check_no_error(answer)
    choice = _first_choice(answer)
    if choice is None:
        raise ValueError("no choices in the answer")
    # A completion holds its text in the choice itself.
    message = choice.get("message", choice)
    if message is choice and "text" not in choice:
        raise ValueError("the choice holds neither message nor text")
    return _read(choice, message, answer, whole=True)


def read_chunk(chunk: Any) -> Piece:
    """Read one streamed piece. Some hold no choice, such as the last one with the usage.

    Raises:
        ValueError: It is no piece of a (chat) completion.
    """
    check_no_error(chunk)
    choice = _first_choice(chunk)
    if choice is None:
        notes: list[str] = []
        return Piece(counts=_counts(chunk, notes), notes=tuple(notes))
    # Some servers that cannot stream send the whole answer as one piece.
    delta = choice.get("delta")
    # A completion's piece has neither; its text stands in the choice.
    return _read(choice, delta or choice.get("message") or choice, chunk, whole=not delta)


def check_no_error(answer: Any) -> None:
    """Refuse an error that came in place of an answer, or that broke one off.

    Raises:
        InBandError: It is one.
    """
    if not isinstance(answer, dict):
        # Gemini's gateway wraps its errors in a list.
        if isinstance(answer, list) and answer and isinstance(answer[0], dict) and answer[0].get("error"):
            raise InBandError(answer[0])
        return
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    if first.get("error"):
        raise InBandError(first)
    # A broker says so of an answer whose provider failed half-way: half an answer must not be scored.
    if normalise_reason(label_of(first.get("finish_reason")) or "") == ERROR:
        raise InBandError(answer)
    # Beside choices these are remarks on an answer that is there; without choices they are all there is.
    has_error = any(answer.get(name) for name in ("error", "errors", "error_message", "error_msg", "detail"))
    has_message = any(isinstance(answer.get(name), str) and answer[name] for name in ("message", "msg"))
    if not choices and (has_error or has_message or isinstance(answer.get("base_resp"), dict)):
        raise InBandError(answer)


def _first_choice(answer: Any) -> Mapping[str, Any] | None:
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    choices = answer.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise ValueError("the choices are no list of objects")
    return choices[0]


def _read(choice: Mapping[str, Any], part: Any, answer: Mapping[str, Any], *, whole: bool) -> Piece:
    if not isinstance(part, dict):
        raise ValueError("the choice holds no message")
    notes: list[str] = []
    text, thinking = _text(part, notes)
    raw_reason = choice.get("finish_reason")
    reason = label_of(raw_reason)
    if reason is None:
        notes.append(f"The endpoint gave {value_words(choice['finish_reason'])} as the reason why the answer ends.")
        reason = UNKNOWN_REASON
    counts = _counts(answer, notes)
    logprobs = _logprobs(choice.get("logprobs"), notes)
    thinking = thinking_field(part) or thinking
    calls = read_calls(part, whole=whole)
    busy = bool(thinking or calls)
    return Piece(text, normalise_reason(reason), counts, logprobs, thinking, busy, tuple(notes), calls)


def _text(part: Mapping[str, Any], notes: list[str]) -> tuple[str, str]:
    """The answer's text, and what of it is marked as thinking by its form."""
    content = part.get("content")
    if content is None:
        # A refusal is the model's answer, only in a field of its own.
        content = part.get("text") or part.get("refusal") or ""
    # One part without its list.
    if isinstance(content, dict) and "type" in content:
        content = [content]
    if isinstance(content, list) and all(isinstance(item, dict | str) for item in content):
        text, thinking, other = parts_of(content)
        if other:
            notes.append("The endpoint's answer had parts that are no text; they were left out.")
        return text, thinking
    if isinstance(content, str):
        return content, ""
    notes.append("The endpoint's answer was JSON where a text was expected; it is kept as JSON text.")
    return json.dumps(content, ensure_ascii=False), ""


def read_counts(answer: Any) -> Counts:
    """The tokens that an answer of any kind reports, also where nothing else of it can be read."""
    # The notes go nowhere: they are for answers, and here there is none.
    return (_counts(answer, []) if isinstance(answer, dict) else None) or Counts()


def _counts(answer: Mapping[str, Any], notes: list[str]) -> Counts | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    # 0 where it is not said: then all of the prompt is priced in full.
    cached_tokens = token_count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    details = usage.get("completion_tokens_details")
    reasoning = token_count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return Counts(_count(usage, "prompt", notes), _count(usage, "completion", notes), cached_tokens or 0, reasoning)


def _count(usage: Mapping[str, Any], which: str, notes: list[str]) -> int | None:
    raw_count = usage.get(f"{which}_tokens")
    count = token_count(raw_count)
    if count is None and raw_count is not None:
        notes.append(f"The endpoint reported {value_words(raw_count)} {which} tokens; they were counted here instead.")
    return count


def _logprobs(value: Any, notes: list[str]) -> Logprobs:
    """Both forms: chat's list of objects (llama.cpp uses it for completions too) and the legacy parallel lists."""
    if not isinstance(value, dict):
        return ()
    # Chat's list first; the other name is the legacy form's.
    entries = value.get("content") or value.get("top_logprobs") or ()
    if not isinstance(entries, list | tuple):
        return ()
    odd: list[Any] = []
    logprobs = tuple(_highest(_alternatives(entry), odd) for entry in entries)
    if odd:
        notes.append(f"Log probabilities that are no numbers were left out, such as {value_words(odd[0])}.")
    return logprobs


def _alternatives(entry: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of token and log probability at one place of the answer."""
    if not isinstance(entry, dict):
        return
    # The legacy form: a mapping from token to number.
    if "logprob" not in entry:
        yield from entry.items()
        return
    more = entry.get("top_logprobs")
    # The chosen token is not always among its alternatives.
    for item in (entry, *(more if isinstance(more, list) else ())):
        if isinstance(item, dict):
            yield item.get("token"), item.get("logprob")


def _highest(pairs: Iterable[tuple[Any, Any]], odd: list[Any]) -> dict[str, float]:
    """Token -> log probability; different tokens that read alike (parts of one character) keep the higher."""
    best: dict[str, float] = {}
    for token, value in pairs:
        number = finite(value)
        if number is None or not isinstance(token, str):
            odd.append(value if number is None else token)
            continue
        key = readable(token)
        best[key] = max(number, best.get(key, number))
    return best
