"""Trying an endpoint: is it there, does it take the key, which models does it have?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import EndpointError, LlmOptError
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.wire_values import name_of
from llmopt_core.settings import Settings

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """What a try showed.

    Attributes:
        models: Names of the endpoint's models, sorted; empty where it lists none.
        message: One sentence for the user.
        seconds: How long the answer took.
    """

    ok: bool
    models: tuple[str, ...]
    message: str
    seconds: float


async def check_endpoint(endpoint: Endpoint, key: str, settings: Settings | None = None) -> EndpointReport:
    """Ask an endpoint for its models, once and with little patience. Never raises for a failing endpoint.

    Args:
        endpoint: The endpoint; `builtin` is started where it does not run.
        key: Its key, or an empty text.
        settings: The workspace of the built-in model.
    """
    started = time.perf_counter()
    try:
        models = await _models(endpoint, key, settings)
    except LlmOptError as error:
        return EndpointReport(False, (), str(error), time.perf_counter() - started)
    seconds = time.perf_counter() - started
    ok, message = _judge(endpoint, models)
    return EndpointReport(ok, models or (), f"Reached in {seconds:.2f} s; {message}.", seconds)


def _judge(endpoint: Endpoint, models: tuple[str, ...] | None) -> tuple[bool, str]:
    if models is None:
        return True, "it lists no models, so name one by hand"
    count = f"{len(models)} model{'s' if len(models) != 1 else ''}"
    wanted = "" if endpoint.name == BUILTIN else endpoint.default_model
    if wanted and models and wanted not in models:
        return False, f"but its default model {wanted!r} is not among its {count}"
    return True, f"it has {count}"


async def _models(endpoint: Endpoint, key: str, settings: Settings | None) -> tuple[str, ...] | None:
    """Names of the models, or None where the endpoint is there but has no list."""
    from llmopt_core.models.client import make_client
    from llmopt_core.models.wire_errors import WIRE_ERRORS, endpoint_error

    endpoint, key = await _resolved(endpoint, key, settings)
    patient = endpoint.model_copy(update={"timeout_seconds": min(_SECONDS, endpoint.timeout_seconds), "max_retries": 0})
    client = make_client(patient, key)
    try:
        return _names(await client.get("/models", cast_to=object))
    except WIRE_ERRORS as error:
        problem = endpoint_error(error, patient, endpoint.default_model, key)
        if problem.kind == "not-found" and endpoint.api_version:
            return None
        raise problem from None
    finally:
        await client.close()


def _names(answer: Any) -> tuple[str, ...]:
    """The models' names, sorted; names that cannot be asked for are left out.

    Raises:
        ValueError: It is no list of models.
    """
    # Some servers give the bare list.
    listed = answer.get("data", answer.get("models")) if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise ValueError("no list of models")
    names = {name_of(model.get("id", model.get("name"))) for model in listed if isinstance(model, dict)}
    return tuple(sorted(names - {""}))


async def _resolved(endpoint: Endpoint, key: str, settings: Settings | None) -> tuple[Endpoint, str]:
    if endpoint.name != BUILTIN:
        return endpoint, key
    if settings is None:
        raise EndpointError("The built-in model needs a workspace to start in.", "unreachable")
    import asyncio

    from llmopt_core.models.builtin_server import serve

    served = await asyncio.to_thread(serve, settings)
    return endpoint.model_copy(update={"base_url": f"{served.url}/v1"}), served.key
