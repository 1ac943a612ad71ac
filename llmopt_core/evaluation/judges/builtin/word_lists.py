"""Lists of words from `words/lists.txt`."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources


@cache
def word_list(name: str, separator: str | None = None) -> frozenset[str]:
    """The words of the list of that name; separated by white space unless another separator is given."""
    folder = resources.files("llmopt_core.evaluation.judges.builtin").joinpath("words")
    text = folder.joinpath("lists.txt").read_text(encoding="utf-8")
    # `split` with a group gives names and bodies in turn, behind what stands before the first name.
    sections = re.split(r"^\[(.+)\]$", text, flags=re.MULTILINE)
    body = dict(zip(sections[1::2], sections[2::2], strict=True))[name]
    return frozenset(word.strip() for word in body.replace("\n", " ").split(separator) if word.strip())
