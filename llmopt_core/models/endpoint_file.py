"""Endpoints added in Settings: a YAML file in the workspace, of the kind `LLMOPT_ENDPOINTS` names. It has no keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from llmopt_core.models.endpoints import Endpoint, endpoints_path, load_endpoints
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file


def save_endpoint(settings: Settings, endpoint: Endpoint) -> None:
    """Add an endpoint or replace the one of its name."""
    _write(settings, {**load_endpoints(settings), endpoint.name: endpoint})


def delete_endpoint(settings: Settings, name: str) -> None:
    """Remove an added endpoint."""
    _write(settings, {key: value for key, value in load_endpoints(settings).items() if key != name})


def _values(endpoint: Endpoint) -> dict[str, Any]:
    # Defaults are left out, so that an endpoint follows them where a later version has better ones.
    values = endpoint.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    # A price of 0 is said: one that is left out is not known.
    prices = {model: price.model_dump(mode="json", exclude_none=True) for model, price in endpoint.prices.items()}
    return {**values, **({"prices": prices} if prices else {})}


def _write(settings: Settings, endpoints: Mapping[str, Endpoint]) -> None:
    path = endpoints_path(settings)
    values = {name: _values(item) for name, item in endpoints.items()}
    # Sorted, so that a file under version control changes only where something was changed.
    replace_file(path, yaml.safe_dump(values, sort_keys=True, allow_unicode=True))
