"""A streamed answer, piece by piece, with an end whatever the server does. Import this module at use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from llmopt_core.models.finish import LENGTH, STOP, normalise_reason
from llmopt_core.models.openai.wire_answers import Counts, InBandError, Piece, read_answer, read_chunk
from llmopt_core.models.openai.wire_json import DONE, events_in, read_json
from llmopt_core.models.openai.wire_tools import StreamedCalls
from llmopt_core.models.openai.wire_values import AnswerText
from llmopt_core.models.time_limits import PieceTimeoutError, WholeTimeoutError
from llmopt_core.text.thinking import ThinkingSplitter

# A guess: a long answer at a slow server takes several waits for a piece, a server that drips words would never end.
WHOLE = 10
"""A streamed answer may take so many times the endpoint's `timeout_seconds` in all."""

# Usage comes after the last word; some servers keep the stream open and never send it.
_AFTER_END_SECONDS = 5.0  # A guess: usage comes in the same moment where it comes at all.
_MOST_NOTES = 5  # Each piece of a stream may be odd in its own way.
_NO_END = "The endpoint closed the stream without saying that the answer is at its end; it may not be whole."


async def pieces_of(stream: openai.AsyncStream[Any], seconds: float) -> AsyncGenerator[Piece, None]:
    """The pieces of a stream.

    Comments and empty pieces keep a connection open, but are no answer: they do not extend the wait. Many local servers
    give no reason for the end: an answer is whole where `[DONE]` follows it or the stream is closed in good order.

    Args:
        stream: Of the SDK.
        seconds: The longest wait for the next piece that says something.

    Raises:
        PieceTimeoutError: The wait was longer.
        WholeTimeoutError: The whole took `WHOLE` times as long.
        ValueError: It is no stream of an answer.
    """
    # Before anything is read as events: JSON has none, and would look like an empty stream.
    if "json" in stream.response.headers.get("content-type", ""):
        # Some servers answer as a whole whatever they are asked.
        yield read_answer(read_json(await stream.response.aread()))
        return
    loop = asyncio.get_running_loop()
    source = events_in(stream.response.aiter_bytes())
    end, wait = loop.time() + WHOLE * seconds, loop.time() + seconds
    is_finished, nothing, has_text = False, True, False
    while True:
        # Whichever comes first is what the user is told.
        late = WholeTimeoutError(WHOLE * seconds) if end <= wait else PieceTimeoutError(seconds)
        chunk = await _next(source, min(wait, end), late, is_finished)
        if chunk is None or chunk is DONE:
            break
        # Also in the middle of an answer, as when a provider behind a broker fails.
        if isinstance(chunk, dict) and chunk.get("error"):
            raise InBandError(chunk)
        piece = read_chunk(chunk)
        nothing, has_text = False, has_text or bool(piece.text or piece.busy)
        if piece.finish_reason and not is_finished:
            # From here on only the usage may follow.
            is_finished, wait = True, loop.time() + min(seconds, _AFTER_END_SECONDS)
        # Pieces that say nothing are signs of life of a proxy, not of the model.
        elif not is_finished and (piece.text or piece.busy):
            wait = loop.time() + seconds
        yield piece
    if nothing:
        raise ValueError("no stream")
    # Without a reason, a mark of the end, or a word, it is no answer: the caller is told that the stream broke off.
    if not is_finished and (has_text or chunk is DONE):
        yield Piece(finish_reason=STOP, notes=() if chunk is DONE else (_NO_END,))


async def _next(source: AsyncIterator[Any], until: float, late: TimeoutError, is_finished: bool) -> Any:
    """The next event, or None at the end; where the answer has ended, all that can go missing is the usage."""
    try:
        # A point in time and not a span: pieces without words must not prolong it.
        async with asyncio.timeout_at(until):
            return await anext(source, None)
    except (TimeoutError, ValueError, httpx2.HTTPError) as error:
        # The answer is whole; a connection that breaks now costs a count of tokens, not the answer.
        if is_finished:
            return None
        raise late if isinstance(error, TimeoutError | httpx2.ReadTimeout) else error from None


@dataclass
class StreamedText:
    """What has been streamed so far.

    Args:
        on_text: Is given each new piece of text.
    """

    on_text: Callable[[str], None]
    answer: AnswerText = field(default_factory=AnswerText)
    beside: AnswerText = field(default_factory=AnswerText)
    calls: StreamedCalls = field(default_factory=StreamedCalls)
    splitter: ThinkingSplitter = field(default_factory=ThinkingSplitter)
    logprobs: list[Any] = field(default_factory=list)
    finish_reason: str = ""
    counts: Counts | None = None
    first: float | None = None
    odd: list[str] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Take one more piece."""
        # First characters are made whole, then marks of thinking found in them.
        self._hand_on(self.splitter.add(self.answer.add(piece.text)))
        self.beside.add(piece.thinking)
        self.calls.add(piece.calls)
        self.logprobs += piece.logprobs
        self.finish_reason = piece.finish_reason or self.finish_reason
        # Each once: a server that is odd in one piece mostly is in all of them.
        self.odd += [note for note in piece.notes if note not in self.odd and len(self.odd) < _MOST_NOTES]
        if piece.counts is not None:
            # Some report the prompt in the first piece and the answer in the last, others both again and again: the
            # last word per number counts.
            old = self.counts or Counts()
            new = piece.counts
            self.counts = Counts(
                old.prompt if new.prompt is None else new.prompt,
                old.completion if new.completion is None else new.completion,
                new.cached or old.cached,
                old.reasoning if new.reasoning is None else new.reasoning,
            )

    def end(self) -> None:
        """There is no more."""
        self._hand_on(self.splitter.add(self.answer.end()))
        self._hand_on(self.splitter.end())
        self.beside.end()
        self.calls.end()

    @property
    def text(self) -> str:
        """The answer."""
        return self.splitter.answer

    @property
    def thinking(self) -> str:
        """What was written beside it."""
        return "\n".join(filter(None, (self.beside.text.strip(), self.splitter.thinking)))

    @property
    def is_cut(self) -> bool:
        """Whether a limit of tokens ended it."""
        return normalise_reason(self.finish_reason) == LENGTH

    @property
    def is_plain(self) -> bool:
        """Whether it just ended, and is a text without thinking and calls of tools."""
        is_stop = normalise_reason(self.finish_reason) == STOP
        return is_stop and bool(self.text.strip()) and not (self.thinking or self.splitter.has_mark or self.calls.text)

    @property
    def full_text(self) -> str:
        """All that the model wrote, which is what is paid for."""
        return self.beside.text + self.answer.text + self.calls.text

    def _hand_on(self, text: str) -> None:
        if text:
            self.first = self.first or time.perf_counter()
            self.on_text(text)

    def notes(self, is_whole: bool) -> tuple[str, ...]:
        """What was dropped or changed, in words; `is_whole` is False where nobody waited for the end."""
        return (*self.odd, *self.answer.notes(is_whole), *self.calls.notes)
