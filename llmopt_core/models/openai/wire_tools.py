"""Tool calls in answers, whole or in streamed pieces, whichever way a gateway writes them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.models.openai.wire_values import AnswerText, name_of, token_count
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import Message, ToolCall

_MOST_CALLS = 128
"""OpenAI's own limit of tools in a request; no answer calls more than a few."""

# Said and not raised: the text beside the call was paid for and is kept.
_NAMELESS = "The endpoint sent a tool call without the name of a function; it was left out."
_TOO_MANY = f"The endpoint sent more than {_MOST_CALLS} tool calls; the others were left out."


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What one piece of an answer says of one call; `index` is None where the endpoint does not number its calls."""

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""


def read_calls(part: Mapping[str, Any], *, whole: bool) -> tuple[CallPiece, ...]:
    """The calls of a message, or the pieces of calls in a delta.

    Args:
        part: The message or delta.
        whole: Whether each entry is one call; gateways number those of a whole message in any way.
    """
    value = part.get("tool_calls") or ()
    # One call without its list, as some gateways write it.
    entries = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    if not entries and isinstance(part.get("function_call"), dict):
        # What came before `tool_calls`: one call, without an id.
        entries = [{"index": 0, "function": part["function_call"]}]
    pieces = []
    for place, entry in enumerate(entries):
        if isinstance(entry, dict):
            pieces.append(_piece(entry, place if whole else token_count(entry.get("index"))))
    return tuple(pieces)


def _piece(entry: Mapping[str, Any], index: int | None) -> CallPiece:
    function = entry.get("function")
    # Some leave out the layer between: name and arguments stand in the entry itself.
    inside = function if isinstance(function, dict) else entry
    number = entry.get("id")
    # A number as the id: results name it as text.
    call_id = str(number) if isinstance(number, int) and not isinstance(number, bool) else number
    arguments = inside.get("arguments")
    if not isinstance(arguments, str):
        # Some give the object itself in place of its text.
        arguments = "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    return CallPiece(index, name_of(call_id), name_of(inside.get("name")), arguments)


@dataclass
class _Call:
    id: str
    name: str
    arguments: AnswerText = field(default_factory=AnswerText)

    def is_followed_by(self, piece: CallPiece) -> bool:
        """Whether a piece of the same number begins another call: some gateways number all calls 0."""
        if not (piece.name and self.name):
            # Some give each piece a new id; only a call's first piece has a name.
            return False
        if piece.id and self.id:
            return piece.id != self.id
        # Without ids only this tells: what is whole JSON already cannot go on.
        return _is_json(self.arguments.text) and bool(piece.arguments or piece.name != self.name)

    def add(self, piece: CallPiece) -> None:
        if piece.name and piece.arguments == self.arguments.text and _is_json(piece.arguments):
            # Some say the whole call once more at the end.
            return
        # The first one counts, see above.
        self.id = self.id or piece.id
        # Some repeat the name in each piece, others send it in parts.
        if piece.name != self.name:
            self.name += piece.name
        self.arguments.add(piece.arguments)


class StreamedCalls:
    """The calls of an answer, put together from its pieces."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._notes: list[str] = []

    def add(self, pieces: Iterable[CallPiece]) -> None:
        """Take what one more piece of the answer says."""
        for piece in pieces:
            call = self._find(piece)
            if call is None:
                call = _Call(piece.id, "")
                if len(self._calls) == _MOST_CALLS:
                    self._notes = [_TOO_MANY]
                    continue
                self._calls.append(call)
            # A number that was used before names the new call from here on.
            if piece.index is not None:
                self._by_index[piece.index] = call
            call.add(piece)

    def _find(self, piece: CallPiece) -> _Call | None:
        """The call that the piece goes on with; None where it begins one."""
        last = self._calls[-1] if self._calls else None
        # Without numbers calls come one after the other.
        call = last if piece.index is None else self._by_index.get(piece.index)
        if call is None:
            return None
        other = piece.index is None and piece.name not in ("", call.name)
        return None if other or call.is_followed_by(piece) else call

    def end(self) -> None:
        """There is no more."""
        for call in self._calls:
            call.arguments.end()
            self._notes += [note for note in call.arguments.notes() if note not in self._notes]
        if any(not call.name for call in self._calls) and _NAMELESS not in self._notes:
            self._notes.append(_NAMELESS)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or changed, in words."""
        return tuple(self._notes)

    @property
    def text(self) -> str:
        """All of it that the model wrote."""
        return "\n".join(f"{call.name} {call.arguments.text}" for call in self._calls)

    def calls(self, conversation: Iterable[Message]) -> tuple[ToolCall, ...]:
        """The calls, each with an id that no other of the conversation has: an odd gateway gives none, or one twice."""
        ids = {call.id for message in conversation for call in message.tool_calls}
        tool_calls = []
        for call in self._calls:
            if call.name:
                number = call.id
                if not number or number in ids:
                    # Among one more name than there are ids, one is free.
                    number = next(name for n in range(1, len(ids) + 2) if (name := f"call_{n}") not in ids)
                ids.add(number)
                arguments = call.arguments.text
                # A tool without parameters is often called with nothing at all, which is no JSON.
                tool_calls.append(ToolCall(number, call.name, arguments if arguments.strip() else "{}"))
        return tuple(tool_calls)


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True
