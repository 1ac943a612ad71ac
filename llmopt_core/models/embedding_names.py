"""Which of an endpoint's models embed: the list of an endpoint seldom says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmopt_core.models.prefixes import find_window

# Families of embedding models. Short names count only between separators: `bge-m3` and `e5:large`, but not the `e5`
# within `phase5-chat`. A wrong guess costs little: this only sorts a list to choose from.
_EMBEDS = re.compile(
    r"embed|minilm|sentence|(?:^|[-_/.])(?:bge|e5|gte|gtr|sbert|labse|stella|voyage|uae|colbert|paraphrase)(?:[-_.:\d]|$)"
    r"|jina-(?:clip|embed)|mxbai|retriev"
)
# `bge-reranker-v2` is of the same family and gives no vectors.
_OTHER = re.compile(r"rerank|cross-encoder|classif|moderat")


def names_that_embed(names: Iterable[str]) -> list[str]:
    """The models that embed, by their names."""
    return [name for name in dict.fromkeys(names) if _embeds(name)]


def _embeds(name: str) -> bool:
    plain = name.lower()
    return (find_window(name) is not None or bool(_EMBEDS.search(plain))) and not _OTHER.search(plain)
