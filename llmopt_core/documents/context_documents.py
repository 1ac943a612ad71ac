"""The paragraphs that a data set brings along with its questions, as documents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt_core.types import Document, Example
from llmopt_core.types.grouping import group_values

# What names of files do not hold, or parts a name into folders.
_UNFIT = re.compile(r"[\x00-\x1f/\\:*?\"<>|]+")
_LONGEST_NAME = 100


def context_documents(examples: Sequence[Example], set_name: str) -> list[Document]:
    """One document for each title, of its paragraphs in their order; one for each paragraph where there is no title.

    Args:
        examples: As SQuAD and its kin are read: with the variable `context`, and perhaps `title`.
        set_name: Begins the names of documents without a title.
    """
    pairs = [
        (title if isinstance(title := example.variables.get("title"), str) else "", context)
        for example in examples
        if isinstance(context := example.variables.get("context"), str) and context.strip()
    ]
    documents: dict[str, Document] = {}
    for title, paragraphs in group_values(pairs).items():
        distinct = list(dict.fromkeys(paragraphs))
        texts = ["\n\n".join(distinct)] if title.strip() else distinct
        for text in texts:
            name = _free_name(title.strip() or f"{set_name}-{len(documents) + 1:03}", documents)
            documents[name] = Document(name, text)
    return list(documents.values())


def _free_name(title: str, taken: dict[str, Document]) -> str:
    stem = _UNFIT.sub("-", title).strip(". ")[:_LONGEST_NAME] or "document"
    names = (f"{stem}.txt" if number == 1 else f"{stem} {number}.txt" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
