"""OpenAI answers as ours, every field checked. Pure: nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.models.wire_values import finite, label_of, readable, shown, token_count

Logprobs = tuple[Mapping[str, float], ...]

UNKNOWN_REASON = "unknown"


class AnsweredError(ValueError):
    """An error that came in place of an answer, with status 200."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens that an endpoint reports; None where it does not, or reports what is no number of tokens."""

    prompt: int | None = None
    completion: int | None = None
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """What a whole answer, or one piece of a streamed one, says.

    Attributes:
        text: As it came; it may hold half a character.
        thinking: Whether there is text beside the answer, such as a reasoning model's.
        notes: Fields that were dropped, and why.
    """

    text: str = ""
    finish_reason: str = ""
    counts: Counts | None = None
    logprobs: Logprobs = ()
    thinking: bool = False
    notes: tuple[str, ...] = ()


def read_answer(answer: Any) -> Piece:
    """Read a whole (chat) completion.

    Raises:
        ValueError: It holds no choice, or no message where one must be.
    """
    choice = _first_choice(answer)
    if choice is None:
        raise ValueError("no choices in the answer")
    message = choice.get("message", choice)
    if message is choice and "text" not in choice:
        raise ValueError("the choice holds neither message nor text")
    return _read(choice, message, answer)


def read_chunk(chunk: Any) -> Piece:
    """Read one streamed piece. Some hold no choice, such as the last one with the usage.

    Raises:
        ValueError: It is no piece of a (chat) completion.
    """
    choice = _first_choice(chunk)
    if choice is None:
        notes: list[str] = []
        return Piece(counts=_counts(chunk, notes), notes=tuple(notes))
    # Some servers that cannot stream send the whole answer as one piece.
    return _read(choice, choice.get("delta") or choice.get("message") or choice, chunk)


def _first_choice(answer: Any) -> Mapping[str, Any] | None:
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    choices = answer.get("choices")
    if not choices:
        error = answer.get("error")
        if error:
            message = error.get("message") if isinstance(error, dict) else error
            raise AnsweredError(readable(message) if isinstance(message, str) else "no reason given")
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise ValueError("the choices are no list of objects")
    return choices[0]


def _read(choice: Mapping[str, Any], part: Any, whole: Mapping[str, Any]) -> Piece:
    if not isinstance(part, dict):
        raise ValueError("the choice holds no message")
    notes: list[str] = []
    text = _text(part, notes)
    reason = label_of(choice.get("finish_reason"))
    if reason is None:
        notes.append(f"The endpoint gave {shown(choice['finish_reason'])} as the reason why the answer ends.")
        reason = UNKNOWN_REASON
    counts = _counts(whole, notes)
    logprobs = _logprobs(choice.get("logprobs"), notes)
    thinking = any(part.get(name) for name in ("reasoning_content", "reasoning", "tool_calls"))
    return Piece(text, reason, counts, logprobs, thinking, tuple(notes))


def _text(part: Mapping[str, Any], notes: list[str]) -> str:
    content = part.get("content")
    if content is None:
        content = part.get("text") or part.get("refusal") or ""
    if isinstance(content, list) and all(isinstance(item, dict) for item in content):
        # Some services answer in parts; those that are no text are a model's thoughts.
        content = "".join(item["text"] for item in content if isinstance(item.get("text"), str))
    if isinstance(content, str):
        return content
    notes.append("The endpoint's answer was JSON where a text was expected; it is kept as JSON text.")
    return json.dumps(content, ensure_ascii=False)


def read_counts(answer: Any) -> Counts:
    """The tokens that an answer of any kind reports, also where nothing else of it can be read."""
    return (_counts(answer, []) if isinstance(answer, dict) else None) or Counts()


def _counts(answer: Mapping[str, Any], notes: list[str]) -> Counts | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = token_count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Counts(_count(usage, "prompt", notes), _count(usage, "completion", notes), cached or 0)


def _count(usage: Mapping[str, Any], which: str, notes: list[str]) -> int | None:
    reported = usage.get(f"{which}_tokens")
    count = token_count(reported)
    if count is None and reported is not None:
        notes.append(f"The endpoint reported {shown(reported)} {which} tokens; they were counted here instead.")
    return count


def _logprobs(found: Any, notes: list[str]) -> Logprobs:
    """Both forms: chat's list of objects (llama.cpp uses it for completions too) and the legacy parallel lists."""
    if not isinstance(found, dict):
        return ()
    entries = found.get("content") or found.get("top_logprobs") or ()
    if not isinstance(entries, list | tuple):
        return ()
    odd: list[Any] = []
    read = tuple(_highest(_alternatives(entry), odd) for entry in entries)
    if odd:
        notes.append(f"Log probabilities that are no numbers were left out, such as {shown(odd[0])}.")
    return read


def _alternatives(entry: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of token and log probability at one place of the answer."""
    if not isinstance(entry, dict):
        return
    if "logprob" not in entry:
        yield from entry.items()
        return
    more = entry.get("top_logprobs")
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
