"""Documents that say the same."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.types import Document


def duplicates(documents: Sequence[Document]) -> list[tuple[str, ...]]:
    """Names of documents with exactly the same text, a tuple per text that stands there more than once."""
    groups: dict[str, list[str]] = {}
    for document in documents:
        groups.setdefault(document.version, []).append(document.name)
    return [tuple(names) for names in groups.values() if len(names) > 1]
