"""Which questions of a set are about the same documents: they are no independent ones, and are tested together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.types import Example
from llmopt_core.types.grouping import connected_groups


def clusters_of(documents: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Example id -> its cluster, named after a document; empty where no two questions share a document.

    A question about two documents connects the questions about either. One without a source stands for itself.

    Args:
        documents: By example id, the documents where its answer stands.
    """
    names = list(documents)
    groups = connected_groups(documents.values())
    if len(groups) == len(names):
        return {}
    return {
        names[place]: _label(names[group[0]], sorted({name for member in group for name in documents[names[member]]}))
        for group in groups
        for place in group
    }


def cluster_labels(examples: Sequence[Example]) -> tuple[str, ...] | None:
    """The cluster of each of these examples; None where no two share a document."""
    clusters = clusters_of({example.id: {span.document for span in example.references} for example in examples})
    return tuple(clusters[example.id] for example in examples) if clusters else None


def _label(example: str, documents: Sequence[str]) -> str:
    # Ids and names of documents are told apart, since a question may be called like a document.
    return f"document {documents[0]}" if documents else f"question {example}"


@lru_cache(maxsize=32)
def set_clusters(store: Store, project: str, set_name: str, set_version: str) -> Mapping[str, str]:
    """The clusters of a version of a set, which never change; none where it is gone."""
    try:
        examples = store.evaluation_set(project, set_name, set_version).examples
        return clusters_of({example.id: {span.document for span in example.references} for example in examples})
    # Deleted since: its runs can still be compared, question by question.
    except BadInput:
        return {}
