"""The JSON that a model replies with, told from thinking, quotations and what the graded text smuggled in. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from llmopt_core.text.thinking import split_thinking

_QUOTES = "'\"“‘«‹„"
_DECODER = json.JSONDecoder(strict=False)
_DEEPEST = 8
_LEAD_CHARS = 300
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？\n]")
_EXAMPLE = re.compile(
    r"\b(?:examples?|for instance|hypothetical\w*|(?<!I )would (?:have|be|get|pass|look|earn|receive)|had it)\b"
    r"|例如|比如|示例|例子|如果",
    re.IGNORECASE,
)


def without_thinking(text: str) -> str:
    """The reply after its last closing mark of thinking; empty where it never stopped."""
    return split_thinking(text)[0].rpartition("</think>")[2]


def objects_in(reply: str, opening: str = "{") -> list[Any]:
    """The JSON objects (or, with `[`, lists) of a reply, outermost alone, in order.

    Those in quotes are no reply, nor is one after another that is introduced as an example or as what would have been.
    """
    text, found = without_thinking(reply), list[Any]()
    for value, start, end in _found(text, opening):
        if not _is_quoted(text, start, end) and not (found and _is_example(text, start)):
            found.append(value)
    return found


def smuggled(material: Any) -> list[Any]:
    """Every JSON object that stands inside the texts to be graded: a reply that repeats one is none."""
    return [value for text in _texts(material) for value, _, _ in _found(text, "{")]


def _found(text: str, opening: str) -> Iterator[tuple[Any, int, int]]:
    """Each object with its place."""
    place = text.find(opening)
    while place >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            broken = re.match(r'\{\s*"', text[place : place + 50])
            end = _end_of_broken(text, place) if broken else place + 1
            if broken:
                yield from _last_inside(text, place, end)
        else:
            yield value, place, end
        place = text.find(opening, end)


def _last_inside(text: str, start: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """The object that ends a broken one, opened too often; one that a cut object goes on after is no reply."""
    inner = text.rfind("{", start + 1, end)
    if inner < 0:
        return
    try:
        value, close = _DECODER.raw_decode(text, inner)
    except (ValueError, RecursionError):
        return
    if not text[close:end].strip("}]` \n"):
        yield value, inner, close


def _end_of_broken(text: str, start: int) -> int:
    depth, inside, place = 0, False, start
    while place < len(text):
        letter = text[place]
        if inside:
            place += letter == "\\"
            inside = letter != '"'
        elif letter == '"':
            inside = True
        else:
            depth += (letter == "{") - (letter == "}")
            if not depth:
                return place + 1
        place += 1
    return len(text)


def _is_quoted(text: str, start: int, end: int) -> bool:
    if not (text[:start] + text[end:]).strip("`'\"“” \n\t"):
        return False
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if line.lstrip().startswith(">"):
        return True
    before = text[:start].rstrip(" ")
    return (before[-1:] in _QUOTES and bool(before)) or (before.endswith("`") and not before.endswith("```"))


def _is_example(text: str, start: int) -> bool:
    """Whether the words that lead to a place speak of an example."""
    lead = text[max(0, start - _LEAD_CHARS) : start].rstrip().rstrip("`").removesuffix("json").rstrip("`").rstrip()
    return bool(_EXAMPLE.search(_SENTENCE_END.split(lead.replace("e.g.", "for instance"))[-1]))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
