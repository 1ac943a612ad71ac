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
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.forms.fields import Fields
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


def more_fields(spec: RetrievalSpec, values: dict[str, Any], token: str) -> dict[str, Any]:
    """Edit what is seldom changed; gives `values` with it.

    Args:
        spec: What was before.
        values: The retrieval as the other fields have it.
        token: Tells the fields of one configuration from another's.

    Raises:
        BadInput: Filters or routes cannot be read.
    """
    # A copy: the caller's values stay as its own fields gave them.
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
        n = Fields("edit", token, one).number("Texts written", "transform_n", 1, 16, before.n)
        model = _model(before.model, two, three, f"transform_{token}")
        plain = _is_completion_model(model)
        # The default prompt depends on both, so another method or kind of model is another field with its own
        # default.
        key = f"transform_prompt_{method}_{plain}"
        own = _prompt(before.prompt, default_prompt(method, plain), "`question` and `n`", key, token)
    return {"n": n, "model": model, "prompt": own}


def _is_completion_model(model: Mapping[str, Any]) -> bool:
    # Without a mode the built-in model takes plain completion and all others chat.
    return (model["mode"] or ("completion" if model["endpoint"] == BUILTIN else "chat")) == "completion"


def _prompt(own: str, default: str, variables: str, key: str, token: str) -> str:
    """A prompt to read and change; empty where it is the default."""
    help_text = f"A template with {variables}. It belongs to the configuration and gets a version with it."
    text = Fields("edit", token).area("Prompt", key, own or default, height=140, help=help_text)
    # Empty, so that a better default of a later version is used by who changed nothing.
    return "" if text.strip() in ("", default.strip()) else text


def _llm_rerank(spec: RetrievalSpec, method: str, token: str) -> dict[str, Any]:
    before = spec.rerank
    with st.container(border=True):
        one, two, three = st.columns(3, gap="medium")
        model = _model(before.llm or ModelSpec(), one, two, f"rerank_{token}")
        candidates = Fields("edit", token, three).number(
            "Candidates it reads", "rerank_candidates", 1, None, before.candidates, placeholder="All",
            help="The rest is dropped. Each is one call; as a list, one call for up to 20.",
        )  # fmt: skip
        plain, variables = _is_completion_model(model), _RERANK_VARIABLES.get(method, "`passage` and `question`")
        # A prompt that was written for another method asks for another form of answer.
        own_before, key = before.prompt if method == before.method else "", f"rerank_prompt_{method}_{plain}"
        own = _prompt(own_before, rerank_prompt(method, plain), variables, key, token)
    # Left as it was, the fingerprint must not change: None and the default model mean the same.
    same = before.llm is None and model == ModelSpec().model_dump(mode="json")
    return {"llm": None if same else model, "candidates": candidates, "prompt": own}


def _model(before: ModelSpec, left: Any, right: Any, token: str) -> dict[str, Any]:
    fields = Fields("edit", token, left)
    endpoint = fields.choice("Asked of", "endpoint", list(endpoints(settings())), before.endpoint)
    name = model_choice(right, endpoint, before.name, fields.key("model"), persist_state="session")
    return {**before.model_dump(mode="json"), "endpoint": endpoint, "name": name}


def _search(spec: RetrievalSpec, search: dict[str, Any], token: str) -> dict[str, Any]:
    before = spec.search
    one, two, three = st.columns(3, gap="medium")
    fields = Fields("edit", token)
    note = f"Candidates with a lower score are dropped. In dense search: {explain_terms('cosine')}"
    between = f"{explain_terms('mmr')} 1 is relevance alone, 0 diversity alone."
    options: dict[str, Any] = {
        "threshold": fields.at(one).number(
            "Score threshold",
            "threshold",
            None,
            None,
            before.threshold,
            0.05,
            placeholder="No threshold",
            help=note,
        ),
        "mmr": fields.at(two).number(
            "Diversity (MMR)", "mmr", 0.0, 1.0, before.mmr, 0.1, placeholder="Off", help=between
        ),
    }
    if search["method"] == "hybrid" and search["fusion"] == "weighted":
        options["weight"] = three.slider(
            "Weight of meaning against words",
            0.0,
            1.0,
            before.weight,
            0.05,
            key=fields.key("weight"),
            persist_state="session",
        )
    like = '{"language": "en"}'
    filters = json.dumps(dict(before.filters)) if before.filters else ""
    text = fields.text("Only documents whose metadata say", "filters", filters, placeholder=like)
    options["filters"] = _mapping(text, "The filter on document metadata", like)
    return options


def _routing(spec: RetrievalSpec, token: str) -> dict[str, Any] | None:
    before = spec.routing
    fields = Fields("edit", token)
    help_text = "Questions of some categories can take other settings."
    method = fields.choice("Routing", "routing", ROUTING, before.method if before else "", help=help_text)
    if not method:
        return None
    routing = before or RoutingSpec()
    # Only what differs, as people write it; the rest is filled in when it is read.
    routes = {name: route.model_dump(mode="json", exclude_defaults=True) for name, route in routing.routes.items()}
    # Letters as they are and in the order they were written.
    routes_text = yaml.safe_dump(routes, allow_unicode=True, sort_keys=False) if routes else ""
    like = "when:\n  search: {method: bm25}\nwhy:\n  top_k: 5"
    text = fields.area("Settings by category (YAML)", "routes", routes_text, placeholder=like, height=140)
    values = routing.model_dump(mode="json")
    values |= {"method": method, "routes": _mapping(text, "Settings by category", "when: {top_k: 5}")}
    if method in ("nearest", "llm"):
        values["examples"] = _examples(routing, token)
    if method == "llm":
        one, two = st.columns(2, gap="medium")
        values["model"] = _model(routing.model, one, two, f"routing_{token}")
        variables = "`question`, `categories` and `examples`"
        values["prompt"] = _prompt(routing.prompt, ROUTING_PROMPT, variables, "routing_prompt", token)
    return values


def _examples(routing: RoutingSpec, token: str) -> list[dict[str, str]]:
    """The labelled questions a router learns from: as they are, or those of an evaluation set."""
    sets = [item.name for item in set_choices(current_project())]
    as_is = f"{fmt.plural(len(routing.examples), 'labelled question')} of this configuration"
    options = {"": as_is, **{name: name for name in sets}}
    help_text = "All questions of the set that have a category."
    set_name = Fields("edit", token).choice("Labelled questions", "labelled", options, "", help=help_text)
    if not set_name:
        return [example.model_dump(mode="json") for example in routing.examples]
    examples = store().evaluation_set(current_project(), set_name).examples
    # Copied into the configuration, not referred to: a later version of the set changes no run.
    return [{"question": one.question, "category": one.category} for one in examples if one.category]


def _mapping(text: str, what: str, sample: str) -> dict[str, Any]:
    try:
        # JSON is YAML, too. The loader refuses texts whose aliases grow beyond all bounds.
        mapping = yaml.load(text, BoundedLoader) if text.strip() else {}  # noqa: S506 (a SafeLoader)
    # Very deep nesting ends in the second, not in an error of YAML.
    except (yaml.YAMLError, RecursionError):
        mapping = None
    if not isinstance(mapping, dict):
        raise BadInput(f"{what} cannot be read; write it like {sample}.")
    return mapping
