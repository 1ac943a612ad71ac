"""The finer fields of retrieval: who writes the query texts, fusion weight, threshold, MMR, filters, routing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from llmopt_core.errors import BadInput
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.retrieval.rerank_llm import default_prompt as rerank_prompt
from llmopt_core.retrieval.routing import PROMPT as ROUTING_PROMPT
from llmopt_core.retrieval.spec import RetrievalSpec, RoutingSpec
from llmopt_core.retrieval.transform import default_prompt
from llmopt_core.text.bounded_yaml import BoundedLoader
from llmopt_ui import format as fmt
from llmopt_ui.evaluation_sets import sets_of
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.project import current_project
from llmopt_ui.resources import settings, store

ROUTING = {
    "": "Every question the same way",
    "given": "By the category in the evaluation set",
    "nearest": "By the most similar labelled question",
    "llm": "By a category that an LLM chooses",
}
_RERANK_VARIABLES = {"llm-listwise": "`passages`, `n` and `question`"}
_KEEP: Any = {"persist_state": "session"}


def more_fields(spec: RetrievalSpec, values: dict[str, Any], token: str) -> dict[str, Any]:
    """Edit what is seldom changed; gives `values` with it.

    Args:
        spec: What was before.
        values: The retrieval as the other fields have it.
        token: Tells the fields of one configuration from another's.

    Raises:
        BadInput: Filters or routes cannot be read.
    """
    result = {**values}
    if result["transform"]["method"] != "none":
        result["transform"] = {**result["transform"], **_transform(spec, result["transform"]["method"], token)}
    if result["rerank"]["method"].startswith("llm-"):
        result["rerank"] = {**result["rerank"], **_llm_rerank(spec, result["rerank"]["method"], token)}
    with st.expander("Threshold, diversity, filters, routing", key=f"edit_more_{token}"):
        result["search"] = {**result["search"], **_search(spec, result["search"], token)}
        result["routing"] = _routing(spec, token)
    return result


def _transform(spec: RetrievalSpec, method: str, token: str) -> dict[str, Any]:
    before = spec.transform
    with st.container(border=True):
        one, two, three = st.columns(3, gap="medium")
        n = one.number_input("Texts written", 1, 16, before.n, key=f"edit_transform_n_{token}", **_KEEP)
        model = _model(before.model, two, three, f"transform_{token}")
        plain = _is_completion_model(model)
        own = _prompt(
            before.prompt,
            default_prompt(method, plain),
            "`question` and `n`",
            f"transform_prompt_{method}_{plain}_{token}",
        )
    return {"n": n, "model": model, "prompt": own}


def _is_completion_model(model: Mapping[str, Any]) -> bool:
    return (model["mode"] or ("completion" if model["endpoint"] == BUILTIN else "chat")) == "completion"


def _prompt(own: str, default: str, variables: str, key: str) -> str:
    """A prompt to read and change; empty where it is the default."""
    text = st.text_area(
        "Prompt", own or default, key=f"edit_{key}", height=140,
        help=f"A template with {variables}. It belongs to the configuration and gets a version with it.", **_KEEP,
    )  # fmt: skip
    return "" if (text or "").strip() in ("", default.strip()) else str(text)


def _llm_rerank(spec: RetrievalSpec, method: str, token: str) -> dict[str, Any]:
    before = spec.rerank
    with st.container(border=True):
        one, two, three = st.columns(3, gap="medium")
        model = _model(before.llm or ModelSpec(), one, two, f"rerank_{token}")
        candidates = three.number_input(
            "Candidates it reads", 1, 1000, before.candidates, placeholder="All", key=f"edit_rerank_candidates_{token}",
            help="The rest is dropped. Each is one call; as a list, one call for up to 20.", **_KEEP,
        )  # fmt: skip
        plain, variables = _is_completion_model(model), _RERANK_VARIABLES.get(method, "`passage` and `question`")
        own = _prompt(
            before.prompt if method == before.method else "", rerank_prompt(method, plain), variables,
            f"rerank_prompt_{method}_{plain}_{token}",
        )  # fmt: skip
    same = before.llm is None and model == ModelSpec().model_dump(mode="json")
    return {"llm": None if same else model, "candidates": candidates, "prompt": own}


def _model(before: ModelSpec, left: Any, right: Any, token: str) -> dict[str, Any]:
    names = list(dict.fromkeys([*endpoints(settings()), before.endpoint]))
    endpoint = left.selectbox(
        "Asked of", names, names.index(before.endpoint), key=f"edit_endpoint_{token}", **_KEEP
    )  # fmt: skip
    name = model_choice(right, endpoint, before.name, f"edit_model_{token}", **_KEEP)
    return {**before.model_dump(mode="json"), "endpoint": endpoint, "name": name}


def _search(spec: RetrievalSpec, search: dict[str, Any], token: str) -> dict[str, Any]:
    before = spec.search
    one, two, three = st.columns(3, gap="medium")
    options: dict[str, Any] = {
        "threshold": one.number_input(
            "Score threshold", None, None, before.threshold, 0.05, placeholder="No threshold",
            key=f"edit_threshold_{token}",
            help=f"Candidates with a lower score are dropped. In dense search: {explain_terms('cosine')}", **_KEEP,
        ),
        "mmr": two.number_input(
            "Diversity (MMR)", 0.0, 1.0, before.mmr, 0.1, placeholder="Off", key=f"edit_mmr_{token}",
            help=f"{explain_terms('mmr')} 1 is relevance alone, 0 diversity alone.", **_KEEP,
        ),
    }  # fmt: skip
    if search["method"] == "hybrid" and search["fusion"] == "weighted":
        options["weight"] = three.slider(
            "Weight of meaning against words", 0.0, 1.0, before.weight, 0.05, key=f"edit_weight_{token}", **_KEEP
        )
    text = st.text_input(
        "Only documents whose metadata say", json.dumps(dict(before.filters)) if before.filters else "",
        key=f"edit_filters_{token}", placeholder='{"language": "en"}', **_KEEP,
    )  # fmt: skip
    options["filters"] = _mapping(text or "", "The filter on document metadata", '{"language": "en"}')
    return options


def _routing(spec: RetrievalSpec, token: str) -> dict[str, Any] | None:
    before = spec.routing
    names = list(ROUTING)
    method = st.selectbox(
        "Routing", names, names.index(before.method if before else ""), format_func=ROUTING.__getitem__,
        key=f"edit_routing_{token}", help="Questions of some categories can take other settings.", **_KEEP,
    )  # fmt: skip
    if not method:
        return None
    routing = before or RoutingSpec()
    routes = {name: route.model_dump(mode="json", exclude_defaults=True) for name, route in routing.routes.items()}
    text = st.text_area(
        "Settings by category (YAML)", yaml.safe_dump(routes, allow_unicode=True, sort_keys=False) if routes else "",
        key=f"edit_routes_{token}", placeholder="when:\n  search: {method: bm25}\nwhy:\n  top_k: 5", height=140,
        **_KEEP,
    )  # fmt: skip
    values = routing.model_dump(mode="json")
    values |= {"method": method, "routes": _mapping(text or "", "Settings by category", "when: {top_k: 5}")}
    if method in ("nearest", "llm"):
        values["examples"] = _examples(routing, token)
    if method == "llm":
        one, two = st.columns(2, gap="medium")
        values["model"] = _model(routing.model, one, two, f"routing_{token}")
        variables = "`question`, `categories` and `examples`"
        values["prompt"] = _prompt(routing.prompt, ROUTING_PROMPT, variables, f"routing_prompt_{token}")
    return values


def _examples(routing: RoutingSpec, token: str) -> list[dict[str, str]]:
    """The labelled questions a router learns from: as they are, or those of an evaluation set."""
    sets = [item.name for item in sets_of(current_project())]
    as_is = f"{fmt.plural(len(routing.examples), 'labelled question')} of this configuration"
    set_name = st.selectbox(
        "Labelled questions", ["", *sets], format_func=lambda name: name or as_is, key=f"edit_labelled_{token}",
        help="All questions of the set that have a category.", **_KEEP,
    )  # fmt: skip
    if not set_name:
        return [example.model_dump(mode="json") for example in routing.examples]
    examples = store().evaluation_set(current_project(), set_name).examples
    return [{"question": one.question, "category": one.category} for one in examples if one.category]


def _mapping(text: str, what: str, sample: str) -> dict[str, Any]:
    try:
        mapping = yaml.load(text, BoundedLoader) if text.strip() else {}  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, RecursionError):
        mapping = None
    if not isinstance(mapping, dict):
        raise BadInput(f"{what} cannot be read; write it like {sample}.")
    return mapping
