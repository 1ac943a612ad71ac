"""Trying an endpoint: is it there, does it take the key, which models does it have?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from llmopt_core.errors import EndpointError, LlmOptError
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.wire_values import name_of
from llmopt_core.settings import Settings

# Somebody waits before a button for it.
_SECONDS = 10.0
# A server that has no such path still answers, so it is there.
_NO_LIST = (404, 405, 501)
# Fields in which services say what a model does; there is no standard, so any of them that holds "embed" counts.
_KINDS = ("type", "task", "mode", "model_type", "kind", "capabilities", "supported_endpoint_types")
# Names of the same date at several services; the first that is a day counts.
_SHUTDOWN = ("shutdown_date", "shutdown_at", "deprecation_date", "retirement_date")


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """What a try showed.

    Attributes:
        models: Names of the endpoint's models, sorted; empty where it lists none.
        message: One sentence for the user.
        shutdowns: Model -> day on which it is switched off, as the endpoint says.
        seconds: How long the answer took.
        embedding_models: Those that the endpoint says embed.
    """

    ok: bool
    models: tuple[str, ...]
    message: str
    seconds: float
    shutdowns: Mapping[str, str] = field(default_factory=dict)
    embedding_models: tuple[str, ...] = ()


async def check_endpoint(endpoint: Endpoint, key: str, settings: Settings | None = None) -> EndpointReport:
    """Ask an endpoint for its models, once and with little patience. Never raises for a failing endpoint.

    Args:
        endpoint: The endpoint; `builtin` is started where it does not run.
        key: Its key, or an empty text.
        settings: The workspace of the built-in model.
    """
    start = time.perf_counter()
    try:
        entries = await _list_models(endpoint, key, settings)
        models = None if entries is None else _names(entries)
    # A report and no exception: this is asked for lists of endpoints, of which one may be down.
    except LlmOptError as error:
        return EndpointReport(False, (), str(error), time.perf_counter() - start)
    seconds = time.perf_counter() - start
    shutdowns = _shutdowns(entries or [])
    message = f"Reached in {seconds:.2f} s; {_model_count(endpoint, models, shutdowns)}."
    return EndpointReport(True, models or (), message, seconds, shutdowns, _embedding_models(entries or []))


def _model_count(endpoint: Endpoint, models: tuple[str, ...] | None, shutdowns: Mapping[str, str]) -> str:
    if not models:
        return "it lists no models, so name one by hand; if calls fail, see whether its base URL ends in /v1"
    count = f"{len(models)} model{'s' if len(models) != 1 else ''}"
    default = "" if endpoint.name == BUILTIN else endpoint.default_model
    if default in shutdowns:
        return f"it has {count}; its default model {default!r} is switched off on {shutdowns[default]}"
    if default and default not in models:
        return f"its default model {default!r} is not among its {count}, which some services leave incomplete"
    return f"it has {count}"


async def _list_models(endpoint: Endpoint, key: str, settings: Settings | None) -> list[Any] | None:
    """The models as they are listed, or None where the endpoint is there but has no list."""
    import openai

    from llmopt_core.models.openai.client import make_client
    from llmopt_core.models.openai.wire_errors import WIRE_ERRORS, endpoint_error

    endpoint, key = await _resolve(endpoint, key, settings)
    # Not tried again: the person who pressed the button can press it again, and sees at once what is wrong.
    patient = endpoint.model_copy(update={"timeout_seconds": min(_SECONDS, endpoint.timeout_seconds), "max_retries": 0})
    client = make_client(patient, key)
    try:
        # `object`, not the SDK's type: it would refuse the lists of servers that leave out `created` or `owned_by`.
        return _list_in(await client.get("/models", cast_to=object))
    except WIRE_ERRORS as error:
        if isinstance(error, openai.APIStatusError) and error.status_code in _NO_LIST:
            return None
        # `from None`: the SDK's chain holds the request with its key.
        raise endpoint_error(error, patient, endpoint.default_model, key) from None
    finally:
        await client.close()


def _list_in(answer: Any) -> list[Any]:
    """The list of models in an answer.

    Raises:
        ValueError: It is no list of models.
    """
    # Some servers give the bare list.
    entries = answer.get("data", answer.get("models")) if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise ValueError("no list of models")
    return entries


def _name(model: Any) -> str:
    if isinstance(model, str):
        return name_of(model)
    if isinstance(model, dict):
        # OpenAI's word first, then those of Ollama's own list.
        return next((name for key in ("id", "name", "model") if (name := name_of(model.get(key)))), "")
    return ""


def _names(models: Sequence[Any]) -> tuple[str, ...]:
    """The models' names, sorted; names that cannot be asked for are left out."""
    # Some brokers list one model once for each provider behind it.
    return tuple(sorted({_name(model) for model in models} - {""}))


def _shutdowns(models: Sequence[Any]) -> dict[str, str]:
    """The day on which each model is switched off, where that is said."""
    days = {}
    for model in models:
        values = [model.get(key) for key in _SHUTDOWN] if isinstance(model, dict) else []
        day = next((day for value in values if (day := _day(value))), "")
        if day and _name(model):
            days[_name(model)] = day
    return days


def _embedding_models(models: Sequence[Any]) -> tuple[str, ...]:
    """Those that are listed as models that embed, sorted."""
    # Only texts and lists: `capabilities` may be a mapping of yes and no, in which every model "has" the word.
    kinds = {
        _name(model): " ".join(str(model[key]) for key in _KINDS if isinstance(model.get(key), str | list)).lower()
        for model in models
        if isinstance(model, dict)
    }
    return tuple(sorted(name for name, kind in kinds.items() if name and "embed" in kind))


def _day(value: Any) -> str:
    # Seconds since 1970, before the year 3000; milliseconds are beyond it and rather dropped than shown as a wrong day.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 32_503_680_000:
        return datetime.fromtimestamp(value, UTC).date().isoformat()
    # The day of `2026-05-01T00:00:00Z`.
    return name_of(value)[:10]


async def _resolve(endpoint: Endpoint, key: str, settings: Settings | None) -> tuple[Endpoint, str]:
    if endpoint.name != BUILTIN:
        return endpoint, key
    if settings is None:
        raise EndpointError("The built-in model needs a workspace to start in.", "unreachable")
    import asyncio

    from llmopt_core.models.builtin.server import serve

    # Starting takes half a second of waiting for a process.
    server = await asyncio.to_thread(serve, settings)
    return endpoint.model_copy(update={"base_url": f"{server.url}/v1"}), server.key
