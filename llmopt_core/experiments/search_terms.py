"""Which terms the search by words of a run went by, since a run that is resumed later may have gone by two kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.index import analysis
from llmopt_core.runs.values import Run

SEARCH_TERMS = "search_terms"
"""Key in the options of a run: the versions of the terms that its answers were found by, in order."""
_NOT_RECORDED = 0


def start_terms(configuration: Configuration) -> dict[str, Any]:
    """What a run that begins notes among its options; nothing where it searches by no words."""
    return {SEARCH_TERMS: [analysis.VERSION]} if _searches_words(configuration) else {}


def resumed_terms(run: Run) -> dict[str, Any]:
    """What a run notes when it is gone on with: the terms of its stored answers, and those of now."""
    try:
        configuration = configuration_from(run.configuration)
    except BadInput:
        return {}
    # Without a good record nothing was found by former terms.
    if not _searches_words(configuration) or run.done <= run.failed:
        return start_terms(configuration)
    return {SEARCH_TERMS: list(dict.fromkeys([*(_versions(run.options) or [_NOT_RECORDED]), analysis.VERSION]))}


def mixed_terms_note(options: Mapping[str, Any]) -> str:
    """One sentence on a run whose answers were found by more than one kind of terms; empty for all others."""
    versions = _versions(options)
    if len(versions) < 2:
        return ""
    may = "may have" if _NOT_RECORDED in versions else "has"
    return (
        f"the search by words {may} changed while the run was interrupted, so a part of the answers was found by "
        "former terms; evaluate again in a new run to compare it with others."
    )


def _searches_words(configuration: Configuration) -> bool:
    return configuration.retrieval is not None and configuration.retrieval.searches_words


def _versions(options: Mapping[str, Any]) -> list[int]:
    versions = options.get(SEARCH_TERMS)
    return [version for version in versions if isinstance(version, int)] if isinstance(versions, list) else []
