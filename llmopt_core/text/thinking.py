"""A model's thinking, told from its answer: marked in the text, as a part of the content, or in a field. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Opening mark -> closing mark: of DeepSeek and Qwen, Mistral, Kimi, Seed, Cohere, gpt-oss and models tuned after them.
_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel|>analysis<|message|>": "<|channel|>final<|message|>",
}
# Only these may stand anywhere, or end a thinking that was begun in the prompt; the others are words of answers too.
_ANYWHERE = ("<think>", "[THINK]", "◁think▷", "<seed:think>")
_CLOSING = {_TAGS[tag]: tag for tag in (*_ANYWHERE, "<thinking>", "<|START_THINKING|>")}
_MARK = re.compile("|".join(map(re.escape, (*_ANYWHERE, *_CLOSING))))
# As much must be held back of a stream before it is certain that no mark has begun.
_LONGEST = max(map(len, (*_TAGS, *_TAGS.values())))
_FENCE = "```"
# How gpt-oss parts its channels, and ends the last, where a server hands its text on as it is.
_BETWEEN_CHANNELS, _CHANNELS_END = "<|end|><|start|>assistant", ("<|return|>", "<|end|>", "<|call|>")


def split_thinking(text: str) -> tuple[str, str]:
    """Answer and thinking of a whole text."""
    splitter = ThinkingSplitter()
    splitter.add(text)
    splitter.end()
    return splitter.answer, splitter.thinking


class ThinkingSplitter:
    """Takes a text piece by piece; a mark may be cut anywhere.

    A thinking is `<think>…</think>` and its kin; where only the closing mark stands, all before it. A mark in backticks
    or a code block is text.

    Attributes:
        has_mark: Whether there was any mark.
        lacks_opening: Whether a closing mark ended a thinking that none had opened.
    """

    def __init__(self) -> None:
        self._answer: list[str] = []
        self._thinking: list[str] = []
        self._waiting = ""
        # `start`: no word yet, any mark counts; `inside` a thinking; `answer`: only the rare marks count.
        self._state = "start"
        self._inner: list[str] = []
        self._tag = ""
        # The end of what was shown, to see backticks and line starts across pieces.
        self._tail = ""
        # Within a code block.
        self._in_fence = False
        self.has_mark = False
        self.lacks_opening = False

    @property
    def answer(self) -> str:
        """What is answer."""
        return "".join(self._answer)

    @property
    def thinking(self) -> str:
        """What is thinking, its parts in lines of their own."""
        parts = (part.strip().removesuffix(_BETWEEN_CHANNELS).strip() for part in self._thinking)
        return "\n".join(filter(None, parts))

    def add(self, piece: str) -> str:
        """Take a piece; what of the answer is certain now."""
        self._waiting += piece
        parts: list[str] = []
        while self._step(parts):
            pass
        return "".join(parts)

    def end(self) -> str:
        """There is no more; the rest of the answer."""
        rest, self._waiting = self._waiting, ""
        # gpt-oss ends its last channel with a mark of its own, which is no text.
        if self._tag.startswith("<|channel|>"):
            rest = next((rest.removesuffix(end) for end in _CHANNELS_END if rest.endswith(end)), rest)
        # White space alone after a thinking is no answer; without one it is kept, as it came.
        if self._state != "inside":
            return self._show(rest if self._state == "answer" or rest.strip() or not self.has_mark else "")
        inner = "".join(self._inner) + rest
        if self._tag in _ANYWHERE and self._answer and not self._at_line_start:
            # An opening mark in the middle of a sentence that nothing closes is a word.
            return self._show(self._tag + inner)
        self._thinking.append(inner)
        return ""

    def _step(self, parts: list[str]) -> bool:
        """Go on as far as is certain; whether there may be more to do."""
        if self._state == "start":
            return self._start(parts)
        if self._state == "inside":
            return self._inside()
        return self._in_answer(parts)

    def _start(self, parts: list[str]) -> bool:
        # Models write a line break before their first mark.
        text = self._waiting.lstrip()
        tag = next((tag for tag in _TAGS if text.startswith(tag)), None)
        if tag is not None:
            self._open(tag, text[len(tag) :])
            return True
        # It may still become a mark, or is white space so far.
        if any(tag.startswith(text) for tag in _TAGS) or (not text and len(self._waiting) < _LONGEST):
            return False
        self._state = "answer"
        if self.has_mark:
            self._waiting = text
        return True

    def _open(self, tag: str, rest: str) -> None:
        self._state, self._tag, self._inner, self._waiting = "inside", tag, [], rest
        self.has_mark = True

    def _inside(self) -> bool:
        end = _TAGS[self._tag]
        place = self._waiting.find(end)
        if place < 0:
            # All but what may be the beginning of the closing mark.
            length = max(len(self._waiting) - len(end) + 1, 0)
            self._inner.append(self._waiting[:length])
            self._waiting = self._waiting[length:]
            return False
        self._thinking.append("".join(self._inner) + self._waiting[:place])
        self._inner, self._waiting = [], self._waiting[place + len(end) :]
        # Several thinkings may follow each other before the answer.
        self._state = "start" if not self.has_answer else "answer"
        return True

    @property
    def has_answer(self) -> bool:
        """Whether the answer has any word yet."""
        return any(part.strip() for part in self._answer)

    @property
    def _at_line_start(self) -> bool:
        return not self._tail.strip(" ") or self._tail.rstrip(" ").endswith("\n")

    def _in_answer(self, parts: list[str]) -> bool:
        match = _MARK.search(self._waiting)
        if match is None:
            length = _partial_mark(self._waiting)
            parts.append(self._show(self._waiting[:length]))
            self._waiting = self._waiting[length:]
            return False
        parts.append(self._show(self._waiting[: match.start()]))
        mark, self._waiting = match.group(), self._waiting[match.end() :]
        # An answer about such marks, written as code.
        if self._in_fence or self._tail.endswith("`"):
            parts.append(self._show(mark))
        elif mark in _TAGS:
            self._open(mark, self._waiting)
        # A second closing mark belongs to nothing: it is text.
        elif self.has_mark:
            parts.append(self._show(mark))
        else:
            # It was begun in the prompt: all that came so far was thinking.
            self.take_as_thinking()
            self._state, self.lacks_opening = "start", True
        return True

    def take_as_thinking(self) -> None:
        """All that came so far was thinking."""
        self._thinking.append(self.answer)
        self._answer, self._tail, self._in_fence, self.has_mark = [], "", False, True

    def _show(self, text: str) -> str:
        if text:
            # Two characters back: three backticks may come in two pieces.
            window = self._tail[-2:] + text
            if window.count(_FENCE) % 2:
                self._in_fence = not self._in_fence
            # As much as a line's start and a quoted mark need.
            self._tail = (self._tail + text)[-40:]
            self._answer.append(text)
        return text


def _partial_mark(text: str) -> int:
    """Where a mark may have begun at the end of a text; its length where none has."""
    for start in range(max(len(text) - _LONGEST + 1, 0), len(text)):
        if any(mark.startswith(text[start:]) for mark in (*_ANYWHERE, *_CLOSING, *_CHANNELS_END)):
            return start
    return len(text)


def parts_of(content: list[Any]) -> tuple[str, str, bool]:
    """Text and thinking of a content in parts, and whether a part was neither."""
    text: list[str] = []
    thinking: list[str] = []
    other = False
    for part in content:
        if isinstance(part, str):
            text.append(part)
            continue
        kind = str(part.get("type", "")) if isinstance(part, dict) else ""
        # `thinking`, `reasoning`, `reasoning.text`, `redacted_thinking`; some parts name no kind and have the field
        # alone.
        if "think" in kind or "reason" in kind or (not kind and isinstance(part, dict) and "thinking" in part):
            thinking += _texts(part)
        elif isinstance(part, dict) and (kind in _TEXT_KINDS):
            texts = list(_texts(part))
            text += texts
            # A part that is empty is no loss; one whose text stands elsewhere is.
            other = other or not (texts or _has_text_field(part))
        else:
            other = True
    return "".join(text), "".join(thinking), other


_TEXT_KINDS = ("", "text", "output_text", "input_text", "text_delta", "refusal")
_TEXT_FIELDS = ("text", "thinking", "reasoning", "content", "value", "refusal", "summary", "reasoning_content")


def _has_text_field(part: dict[str, Any]) -> bool:
    return any(name in part for name in _TEXT_FIELDS)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text of a part, in order: services nest it."""
    if isinstance(value, str):
        yield value
    # Deeper than services nest; a body made to hurt nests thousands.
    elif depth < 6 and isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif depth < 6 and isinstance(value, dict):
        for name in _TEXT_FIELDS:
            if name in value:
                yield from _texts(value[name], depth + 1)


def thinking_field(message: dict[str, Any]) -> str:
    """What a service hands over beside the content."""
    # DeepSeek's, vLLM's and OpenRouter's, Ollama's, and others'. The first with words: OpenRouter says the same in two.
    for name in ("reasoning_content", "reasoning", "thinking", "reasoning_text", "reasoning_details"):
        thinking = "".join(_texts(message.get(name)))
        if thinking:
            return thinking
    return ""
