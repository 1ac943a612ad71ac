"""JSON of an endpoint, whole or as server-sent events, read as far as it can be. Pure.

A number too long for Python becomes an infinite one, and bytes that are no UTF-8 become halves of characters: the one
is dropped where it stands, the others are joined or replaced, and both are said. See `wire_values`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

# Python takes quadratic time to read longer ones.
# The largest float has 309 digits: whatever is longer is infinite as one, too.
_LONGEST_NUMBER = 400
# The three ends of a line that the standard of server-sent events knows; not `splitlines`, which knows more.
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DONE = object()
"""Stands for the event `[DONE]`."""


def read_json(content: bytes) -> Any:
    """What the bytes say.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        # A tab that stands bare within a text is no reason to lose an answer.
        # `surrogateescape`: a broken byte in a text costs a character, not the answer.
        return json.loads(content.decode("utf-8", "surrogateescape"), parse_int=_integer, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


async def events_in(parts: AsyncIterable[bytes]) -> AsyncIterator[Any]:
    """The JSON of each server-sent event, and `DONE` where the stream says that it is at its end.

    The SDK reads the same, but gives up a stream for a character whose bytes come in two events, as some servers send.

    Raises:
        ValueError: One of them is no JSON; the last may have broken off.
    """
    data: list[bytes] = []
    async for line in _lines(parts):
        name, _, value = line.partition(b":")
        if name == b"data":
            # One space belongs to the form, further ones to the data.
            data.append(value.removeprefix(b" "))
        elif not line and data:
            yield (event := _event(data))
            # What follows would be another answer, or a connection that stays open.
            if event is DONE:
                return
            data.clear()
    # The last event without its empty line, as some end a stream.
    if data:
        yield _event(data)


def _event(data: list[bytes]) -> Any:
    content = b"\n".join(data)
    # Some write `[DONE]` with blanks or a remark behind it.
    return DONE if content.startswith(b"[DONE]") else read_json(content)


async def _lines(parts: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    waiting: list[bytes] = []
    before = b""
    async for part in parts:
        # The end of a line may itself come in two parts.
        text = part.removeprefix(b"\n") if before == b"\r" else part
        # Only at the very start: the standard allows one mark there.
        text = text if before else text.removeprefix(_BYTE_ORDER_MARK)
        # An empty part tells nothing of the end of the one before.
        before = part[-1:] or before
        *whole, rest = _LINE_END.split(text)
        for line in whole:
            yield b"".join((*waiting, line))
            waiting.clear()
        if rest:
            waiting.append(rest)
    if waiting:
        yield b"".join(waiting)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")
