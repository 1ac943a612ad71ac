"""The right answers of a question, in the forms in which data sets write them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from llmopt_core.documents.question_columns import PLURAL, plain_name
from llmopt_core.errors import BadInput

_CHOICES = ("choices", "options")
# How MS MARCO says that there is none.
_NONE = "No Answer Present."
# How pandas writes a list of numpy's. A bound instead of `*`, so that a damaged cell costs no more.
_ARRAY = re.compile(r"array\((\[[^\]]{0,100000}\])(?:, dtype=\w{1,20})?\)")
# A longer literal is no list of answers, and parsing one takes long.
_LONGEST_LITERAL = 100_000


def right_answers(value: Any, column: str = "") -> tuple[tuple[str, int | None], ...]:
    """Every right answer once, with the character of its context at which it begins where that is told.

    Read are a text, a list of texts, SQuAD's `[{"text", "answer_start"}]`, Hugging Face's `{"text": [...],
    "answer_start": [...]}`, and TriviaQA's `{"value", "aliases"}`; in CSV also written as JSON or as Python does.

    Args:
        value: What stands in the column.
        column: Its name: a text in brackets is a list only where the name says that there are several.

    Raises:
        BadInput: It is none of these.
    """
    if isinstance(value, str):
        value = _parse(value, plural=plain_name(column) in PLURAL)
    found = [(str(text).strip(), start) for text, start in _pairs(value)]
    kept: dict[str, int | None] = {}
    for text, start in found:
        # The first place that is told; an answer repeated without one takes nothing away.
        if text and text != _NONE:
            kept.setdefault(text, start)
    return tuple(kept.items())


def _pairs(value: Any) -> list[tuple[Any, int | None]]:
    if value is None:
        return []
    if isinstance(value, str | int | float):
        return [(value, None)]
    if isinstance(value, list):
        return [pair for item in value if item is not None for pair in _item(item)]
    if isinstance(value, Mapping) and "text" in value:
        texts, starts = value["text"], value.get("answer_start")
        texts = texts if isinstance(texts, list) else [texts]
        starts = starts if isinstance(starts, list) else [starts]
        # As many as there are texts, where a file tells fewer places.
        starts = [*starts, *[None] * len(texts)]
        # Extra places belong to no text.
        return [(_plain(text), _start(start)) for text, start in zip(texts, starts, strict=False)]
    if isinstance(value, Mapping) and isinstance(value.get("value"), str):
        aliases = value.get("aliases")
        return [
            (value["value"], None),
            *((_plain(text), None) for text in (aliases if isinstance(aliases, list) else [])),
        ]
    raise BadInput("is not a text")


def _item(item: Any) -> list[tuple[Any, int | None]]:
    return _pairs(item) if isinstance(item, Mapping) else [(_plain(item), None)]


def _plain(text: Any) -> Any:
    if not isinstance(text, str | int | float):
        raise BadInput("is not a text")
    return text


def _start(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None  # `true` is no place


def chosen_text(values: dict[str, Any], answer: Any) -> Any:
    """The words of the right choice, where a row lists choices and its answer is only the number or letter of one.

    Args:
        values: The row's other columns; `answerKey` is taken out of them where it names the right choice.
        answer: What stands as its answer.
    """
    given = next((values[name] for name in _CHOICES if isinstance(values.get(name), list | dict)), None)
    texts = given.get("text") if isinstance(given, dict) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        return answer
    labels = given.get("label") if isinstance(given, dict) else None
    # Choices without letters of their own go by A, B, C.
    labels = labels if isinstance(labels, list) and len(labels) == len(texts) else list(ascii_uppercase[: len(texts)])
    # `answerKey` of ARC and its kin; an answer that is there counts before it.
    key = values.get("answerKey") if answer in (None, "") else answer
    if isinstance(key, int) and not isinstance(key, bool):
        # A number is the place of the choice, unless a choice is that number itself.
        return texts[key] if 0 <= key < len(texts) and str(key) not in texts else answer
    # The words themselves are the answer already, and letters that name nothing are left alone.
    if not isinstance(key, str) or key in texts or key not in labels:
        return answer
    values.pop("answerKey", None)
    return texts[labels.index(key)]


def texts_in(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of a list written as text; nothing where it is none."""
    if isinstance(value, str):
        value = _parse(value, plural=True)
    texts = value if isinstance(value, list) else [value]
    return tuple(text for text in texts if isinstance(text, str) and text.strip())


def is_written_list(text: str) -> bool:
    """Whether a text is a list of texts as JSON or Python writes it."""
    value = _parse(text, plural=True)
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _parse(text: str, *, plural: bool) -> Any:
    """A list or an object that is written as text; else the text."""
    start = text.lstrip()[:1]
    # `[1]` may be an answer in a column for one; longer ones are texts, and `ast` would take its time with them.
    if start not in ("[", "{") or (start == "[" and not plural) or len(text) > _LONGEST_LITERAL:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            # Python's own way to write a list, as CSV of pandas has it. `literal_eval` runs nothing.
            value = ast.literal_eval(_ARRAY.sub(r"\1", text.strip()))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return text
    # A reference may itself be JSON, such as the arguments of a call.
    told = isinstance(value, list) if start == "[" else isinstance(value, dict) and _is_form(value)
    return value if told else text


def _is_form(value: Mapping[str, Any]) -> bool:
    return {"text", "answer_start"} <= value.keys() or {"value", "aliases"} <= value.keys()
