"""Documents that say the same."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.types import Document
from llmopt_core.types.grouping import group_values


def duplicates(documents: Sequence[Document]) -> list[tuple[str, ...]]:
    """Names of documents with exactly the same text, a tuple per text that stands there more than once."""
    # `version` is a hash of the text: equal versions need no comparison of texts.
    groups = group_values((document.version, document.name) for document in documents)
    return [tuple(names) for names in groups.values() if len(names) > 1]
