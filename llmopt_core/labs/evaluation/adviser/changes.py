"""The configuration that tries a step, made from the one that it improves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from llmopt_core.experiments.comparison_parents import record_origin
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.labs.evaluation.adviser.step import Proposal
from llmopt_core.labs.evaluation.adviser.traits import TO_THE_POINT
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, SavedConfiguration
from llmopt_core.text.free_names import free_name

Values = dict[str, Any]

GROUNDED = "Answer only from the given text. If it does not hold the answer, say: I don't know."
# A quarter is what a sentence of a border needs to stand whole in one of two chunks; half as much again holds most
# paragraphs.
_LARGER, _OVERLAP = 1.5, 0.25
# As many as a reader of any size takes in; more is for the sweep of the lab.
_MORE_CHUNKS = 3


def proposal(rule: str, name: str, spec: Mapping[str, Any] | None) -> Proposal | None:
    """The configuration that a rule proposes; None where it takes decisions of a person, or no settings are known."""
    change = _CHANGES.get(rule)
    if change is None or not spec:
        return None
    values = copy.deepcopy({key: value for key, value in spec.items() if key != "name"})
    try:
        suffix = change(values)
        configuration = Configuration.model_validate({**values, "name": f"{name} · {suffix}"[:200]})
    # A stored configuration of another version; the rule is told without its button.
    except (ValidationError, KeyError, TypeError, AttributeError):
        return None
    return Proposal(name, configuration.name, configuration.model_dump(mode="json", exclude={"name"}))


def save_proposal(store: Store, project: Project | str, proposal: Proposal) -> SavedConfiguration:
    """Save a proposed configuration; the one that has these settings already where there is one.

    Raises:
        BadInput: It is not a configuration of this version.
    """
    configuration = configuration_from({**proposal.spec, "name": proposal.name})
    saved = store.configurations(project)
    for one in saved:
        if one.fingerprint == configuration.fingerprint:
            return one
    # The names of configurations are at most 200 characters long.
    name = free_name(proposal.name[:190], {one.name for one in saved})
    named = configuration.model_copy(update={"name": name})
    base = next((one for one in saved if one.name == proposal.base), None)
    if base is not None:
        record_origin(store, project, named.fingerprint, base.fingerprint)
    return store.save_configuration(project, name, named.model_dump(mode="json"), named.fingerprint)


def _set(values: Values, part: str, **settings: Any) -> None:
    values[part] = {**(values.get(part) or {}), **settings}


def _rag(values: Values) -> str:
    prompt = values.get("prompt") or {}
    template = str(prompt.get("template") or "{{ question }}")
    if "context" not in template:
        _set(values, "prompt", template=f"Passage: {{{{ context }}}}\n{template}")
        # Examples without a passage would break the pattern of the template.
        if (prompt.get("few_shot") or {}).get("examples"):
            values["prompt"]["few_shot"] = None
    # What was measured best with the built-in models: see `docs/retrieval.md`.
    values["retrieval"] = {"search": {"method": "hybrid"}, "rerank": {"method": "late-interaction"}, "top_k": 3}
    return "rag"


def _chunk_size(values: Values) -> str:
    chunking = values["retrieval"].get("chunking") or {}
    size = max(1, round(float(chunking.get("size", 200)) * _LARGER))
    overlap = round(size * _OVERLAP)
    # The child stays in its proportion to the parent.
    _set(values["retrieval"], "chunking", size=size, overlap=overlap, child_size=None)
    if chunking.get("method") == "small-to-big":
        _set(values["retrieval"], "chunking", overlap=min(overlap, max(0, size // 4 - 1)))
    return f"chunks of {size}"


def _larger_k(values: Values) -> str:
    top_k = int(values["retrieval"].get("top_k", 3))
    values["retrieval"]["top_k"] = max(_MORE_CHUNKS, top_k + 2)
    return f"top {values['retrieval']['top_k']}"


def _smaller_k(values: Values) -> str:
    top_k = int(values["retrieval"].get("top_k", 3))
    values["retrieval"]["top_k"] = max(1, top_k // 2)
    return f"top {values['retrieval']['top_k']}"


def _rerank(values: Values) -> str:
    _set(values["retrieval"], "rerank", method="late-interaction")
    candidates = int((values["retrieval"].get("search") or {}).get("candidates", 30))
    _set(values["retrieval"], "search", candidates=max(30, candidates))
    return "rerank"


def _hybrid(values: Values) -> str:
    _set(values["retrieval"], "search", method="hybrid")
    return "hybrid"


def _expansion(values: Values) -> str:
    # By the configuration's own model, which is the one that is known to be in reach.
    _set(values["retrieval"], "transform", method="multi-query", n=3, model=values.get("model") or {})
    return "expansion"


def _instruct(text: str, suffix: str) -> Callable[[Values], str]:
    def change(values: Values) -> str:
        system = str((values.get("prompt") or {}).get("system") or "").strip()
        _set(values, "prompt", system=f"{system} {text}".strip())
        return suffix

    return change


def _fact_check(values: Values) -> str:
    values.pop("checks", None)
    values["fact_check"] = {"method": "revise", "refuse_unsupported": True}
    return "fact check"


_CHANGES: Mapping[str, Callable[[Values], str]] = {
    "rag": _rag,
    "chunk-size": _chunk_size,
    "larger-k": _larger_k,
    "smaller-k": _smaller_k,
    "rerank": _rerank,
    "hybrid-search": _hybrid,
    "query-expansion": _expansion,
    "grounded-prompt": _instruct(GROUNDED, "grounded"),
    "prompt": _instruct(TO_THE_POINT, "to the point"),
    "fact-check": _fact_check,
}
"""Each changes the values of a configuration and gives the end of its name."""
