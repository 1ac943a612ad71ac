"""The models of a workspace, made from its endpoints and the keys at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llmopt_core.models.endpoints import Endpoint, endpoints_from
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings


def workspace_models(
    store: Store,
    settings: Settings,
    environ: Mapping[str, str],
    keys: Mapping[str, str],
    plug_ins: Callable[[Models], None] = lambda _: None,
) -> Models:
    """Every model that the endpoints of the workspace offer, now.

    Args:
        store: Its cache keeps the calls.
        settings: The workspace.
        environ: Names endpoints, and holds the keys of those that name a variable.
        keys: By endpoint; they go before those of the environment.
        plug_ins: May register further models.
    """
    endpoints = endpoints_from(settings, environ)
    models = Models(
        settings, cache=store.cache, endpoints=endpoints, keys={**environment_keys(endpoints, environ), **keys}
    )
    plug_ins(models)
    return models


def environment_keys(endpoints: Mapping[str, Endpoint], environ: Mapping[str, str]) -> dict[str, str]:
    """The keys of those endpoints whose variable is set."""
    return {name: key for name, one in endpoints.items() if (key := environ.get(one.api_key_env, ""))}
