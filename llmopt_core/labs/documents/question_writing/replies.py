"""What a model wrote -> questions with answers and quotes; whatever cannot be read is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_FIELD = re.compile(r"^[\s*#>\-\d.)]*(question|answer|quote)[\s*\d]*:[\s*]*(.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """One question as the model wrote it; the quote is not looked up yet."""

    question: str
    answer: str
    quote: str


def read_reply(text: str) -> list[Written]:
    """The questions in a reply: JSON objects anywhere in it, or lines such as `Question: ...`."""
    found = [_written(value) for value in _objects(text)] or list(_from_lines(text))
    return [written for written in found if written.question]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object with a question, also inside lists, code fences and talk."""
    decoder = json.JSONDecoder(strict=False)
    place = text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        yield from _with_question(value)
        place = text.find("{", end)


def _with_question(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "question" in value:
        yield value
        return
    for inner in value.values():
        for item in inner if isinstance(inner, list) else ():
            if isinstance(item, dict) and "question" in item:
                yield item


def _from_lines(text: str) -> Iterator[Written]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        match = _FIELD.match(line)
        if match is None:
            continue
        name = match[1].lower()
        if name == "question" and fields:
            yield _written(fields)
            fields = {}
        fields[name] = match[2]
    if fields:
        yield _written(fields)


def _written(values: dict[str, Any]) -> Written:
    def text(name: str) -> str:
        value = values.get(name)
        return " ".join(str(value).split()).strip().strip('"“”') if isinstance(value, str | int | float) else ""

    quote = values.get("quote")
    return Written(text("question"), text("answer"), quote.strip().strip('"“”') if isinstance(quote, str) else "")
