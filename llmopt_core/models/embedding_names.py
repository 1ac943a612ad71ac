"""Which of an endpoint's models embed: the list of an endpoint does not say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmopt_core.models.prefixes import known_window

_EMBEDS = re.compile(
    r"embed|minilm|sentence|(?:^|[-_/.])(?:bge|e5|gte|gtr|sbert|labse|stella|voyage|uae|colbert|paraphrase)(?:[-_.:\d]|$)"
    r"|jina-(?:clip|embed)|mxbai|retriev"
)
_OTHER = re.compile(r"rerank|cross-encoder|classif|moderat")


def embedding_models_among(names: Iterable[str]) -> list[str]:
    """The models that embed, by their names; all of them where no name tells."""
    known = list(dict.fromkeys(names))
    found = [name for name in known if _embeds(name)]
    return found or known


def _embeds(name: str) -> bool:
    plain = name.lower()
    return (known_window(name) is not None or bool(_EMBEDS.search(plain))) and not _OTHER.search(plain)
