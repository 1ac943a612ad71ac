"""Variables of a promptfoo test: files read, lists unfolded, references to each other filled in."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo.nunjucks import to_jinja
from llmopt_core.interop.promptfoo.references import Folder, is_pattern
from llmopt_core.prompts.template import allow_missing, find_undefined_names, render

# `{{ name }}` alone; with filters or fields it is a template, filled in below.
_REFERENCE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# A value that is one raw block from start to end, as an export writes texts with template marks. The part within cannot
# pass an `endraw`, so it takes one pass.
_RAW_BLOCK = re.compile(r"\{% raw %\}((?:(?!\{%-?\s*endraw).)*)\{% endraw %\}", re.DOTALL)
_MARKS = ("{{", "{%")
# Variables may name each other in a circle.
# Each round fills in what the one before brought; longer chains than that are rather circles.
_ROUNDS = 5
# Texts that hold each other twice double with each round.
_MOST_CHARS = 2_000_000

Combination = tuple[dict[str, Any], tuple[str, ...]]
"""The variables of one test, and what of them is not supported."""


class Variables:
    """The variables that a test is written with.

    Args:
        values: By name. A list of texts stands for several tests, a text may name a file (`file://`) or several
            (`*.txt`).
        folders: By name, where the files of a variable are.
    """

    def __init__(self, values: Mapping[str, Any], folders: Mapping[str, Folder]) -> None:
        self._folders = folders
        self._values = {name: self._list_value(name, value) for name, value in values.items()}

    def combinations(self, expand: bool) -> int:
        """How many tests they make; with `expand` a list is unfolded, else it is one value."""
        # Counted without making them: five lists of a hundred are ten billion.
        return math.prod(map(len, self._unfold(expand).values()))

    def expand(self, expand: bool) -> Iterator[Combination]:
        """The variables of each test."""
        options = self._unfold(expand)
        for values in itertools.product(*options.values()):
            yield self._fill(dict(zip(options, values, strict=True)))

    def _unfold(self, expand: bool) -> dict[str, list[Any]]:
        return {
            name: value if expand and _stands_for_several(value) else [value] for name, value in self._values.items()
        }

    def _list_value(self, name: str, value: Any) -> Any:
        """A value; several files by a pattern as a list of them."""
        if not isinstance(value, str) or not value.startswith("file://") or not is_pattern(value):
            return value
        try:
            return [f"file://{path}" for path in self._folders[name].find(value)]
        except BadInput:
            return value

    def _fill(self, values: dict[str, Any]) -> Combination:
        problems: list[str] = []
        raw_values = {name: self._read(name, value, problems) for name, value in values.items()}
        # Quoted texts are taken out before references are filled in: theirs are meant literally.
        quoted_texts = {
            name: match[1] for name, value in raw_values.items() if (match := _RAW_BLOCK.fullmatch(str(value)))
        }
        resolved_values = _resolve({name: value for name, value in raw_values.items() if name not in quoted_texts})
        # What is left after plain references are filled in: filters, conditions, or unknown names.
        templates = [
            n for n, value in resolved_values.items() if any(mark in t for t in _texts(value) for mark in _MARKS)
        ]
        rendered_texts = {name: _render(name, {**resolved_values, **quoted_texts}) for name in templates}
        problems += [
            f"variable {name}: it holds a template that is not filled in here"
            for name, text in rendered_texts.items()
            if text is None
        ]
        finished_texts = {name: text for name, text in rendered_texts.items() if text is not None}
        # From the first to the last: later ones stand over earlier ones of the same name.
        return {**raw_values, **resolved_values, **finished_texts, **quoted_texts}, tuple(problems)

    def _read(self, name: str, value: Any, problems: list[str]) -> Any:
        if isinstance(value, list):
            return [self._read(name, item, problems) for item in value]
        if not isinstance(value, str):
            return value
        if not value.startswith("file://"):
            # One line break at the end of a value, as a YAML block has it, is not meant.
            return value.removesuffix("\n")
        try:
            content = self._folders[name].value(value, parse_json=False)
        except BadInput as error:
            problems.append(f"variable {name}: {error}")
            return value
        # As JavaScript writes it, without spaces, since it becomes part of a prompt.
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _render(name: str, values: Mapping[str, Any]) -> str | None:
    """A variable that is a template over the others, filled in once; None where it cannot be."""
    value = values[name]
    try:
        template = to_jinja(value) if isinstance(value, str) else None
        # One that names itself, or what is not there, would become another text than promptfoo's.
        if template is None or find_undefined_names(template, values.keys() - {name}):
            return None
        return render(allow_missing(template), values)
    except BadInput:
        return None


def _stands_for_several(value: Any) -> bool:
    """Whether a list is one test for each of its texts; one of other things, or of nothing, is a value."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _resolve(values: dict[str, Any]) -> dict[str, Any]:
    """Texts with `{{ name }}` of another variable filled in, and with those in what was filled in, a few times over."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        # Lists and mappings have no text of their own; they are left to the template.
        if value is None or isinstance(value, list | dict):
            return match[0]
        # JavaScript writes true, Python True.
        return str(value).lower() if isinstance(value, bool) else str(value)

    def length_of(text: str) -> int:
        """How long the text would be with its references filled in."""
        return len(text) + sum(len(value_of(match)) - len(match[0]) for match in _REFERENCE.finditer(text))

    for _ in range(_ROUNDS):
        open_texts = {name: text for name, text in values.items() if isinstance(text, str) and "{{" in text}
        # Reckoned before anything is filled in: a long text that names another often would fill the memory.
        if sum(map(length_of, open_texts.values())) > _MOST_CHARS:
            break
        new_values = {**values, **{name: _REFERENCE.sub(value_of, text) for name, text in open_texts.items()}}
        if new_values == values:
            break
        values = new_values
    return values


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
