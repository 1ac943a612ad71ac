"""The right answers of a question, in the forms in which data sets write them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from contextlib import suppress
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
    pairs = [(str(text).strip(), start) for text, start in _pairs(value)]
    answers: dict[str, int | None] = {}
    for text, start in pairs:
        # The first place that is told; an answer repeated without one takes nothing away.
        if text and text != _NONE:
            answers.setdefault(text, start)
    return tuple(answers.items())


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


def find_choice_text(values: dict[str, Any], answer: Any) -> Any:
    """The words of the right choice, where a row lists choices and its answer is only the number or letter of one.

    Args:
        values: The row's other columns; `answerKey` is taken out of them where it names the right choice.
        answer: What stands as its answer.
    """
    choices = next(
        (value for name in _CHOICES if isinstance(value := _decode(values.get(name)), list | dict)),
        None,
    )
    texts = choices.get("text") if isinstance(choices, dict) else choices
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        return answer
    labels = choices.get("label") if isinstance(choices, dict) else None
    # `answerKey` of ARC and its kin; an answer that is there counts before it.
    key = values.get("answerKey") if answer in (None, "") else answer
    place = _place_of_choice(key, texts, labels if isinstance(labels, list) and len(labels) == len(texts) else [])
    if place is None:
        return answer
    values.pop("answerKey", None)
    return texts[place]


def _place_of_choice(key: Any, texts: list[str], labels: list[Any]) -> int | None:
    """Which choice a key names by its label, its letter or its number, from 0 on; None where it names none."""
    # Tables give each number as text, and those with gaps as `1.0`.
    name = re.sub(r"^(\d{1,9})\.0+$", r"\1", str(key).strip())
    # The words themselves are the answer already.
    if isinstance(key, bool) or not isinstance(key, str | int | float) or key in texts or name in texts:
        return None
    # Choices without labels of their own go by A, B, C, and by their places.
    own = [str(label).strip() for label in labels] or list(ascii_uppercase[: len(texts)])
    if name in own:
        return own.index(name)
    number = int(name) if re.fullmatch(r"[0-9]{1,9}", name) else len(texts)
    return number if number < len(texts) and not (labels and isinstance(key, str)) else None


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


def _decode(value: Any) -> Any:
    """A list or an object, also where it is written as text; else the value."""
    return _read_literal(value) if isinstance(value, str) and value.lstrip()[:1] in ("[", "{") else value


def _parse(text: str, *, plural: bool) -> Any:
    """A list or an object that is written as text; else the text."""
    start = text.lstrip()[:1]
    # `[1]` may be an answer in a column for one; longer ones are texts, and `ast` would take its time with them.
    if start not in ("[", "{") or (start == "[" and not plural):
        return text
    value = _read_literal(text)
    # A reference may itself be JSON, such as the arguments of a call.
    is_known_form = isinstance(value, list) if start == "[" else isinstance(value, dict) and _is_form(value)
    return value if is_known_form else text


def _read_literal(text: str) -> Any:
    """What a text in JSON or Python's form stands for; the text where it is in neither."""
    if len(text) > _LONGEST_LITERAL:
        return text
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    try:
        # Python's own way to write a list, as CSV of pandas has it. `literal_eval` runs nothing.
        return ast.literal_eval(_ARRAY.sub(r"\1", text.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return text


def _is_form(value: Mapping[str, Any]) -> bool:
    return {"text", "answer_start"} <= value.keys() or {"value", "aliases"} <= value.keys()
