"""promptfoo providers <-> models and endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from llmopt_core.errors import field_problem
from llmopt_core.interop.promptfoo.assertions import UnsupportedError
from llmopt_core.models.base import BUILTIN, ChatRequest, Completion, ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.types import Usage

ECHO = "echo"
# promptfoo's default where the provider names none.
MAX_TOKENS = 1024

# Services that speak OpenAI's protocol: base URL and the variable of their key.
_SERVICES = {
    "ollama": ("http://localhost:11434/v1", ""),
    "localai": ("http://localhost:8080/v1", ""),
    "llama": ("http://localhost:8080/v1", ""),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "togetherai": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
    "perplexity": ("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
}
_FIELDS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "top_p": "top_p",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
    "passthrough": "extra_body",
}
# Sent on as they stand.
_BODY_FIELDS = ("frequency_penalty", "presence_penalty", "logit_bias", "service_tier", "verbosity", "top_k", "min_p")
# Keys are not read on purpose; prices and retries are those of the endpoint here.
_HARMLESS = {
    "apiKey", "apiKeyEnvar", "apiBaseUrl", "apiHost", "organization", "cost", "inputCost", "outputCost", "maxRetries",
    "showThinking", "stop", "apiVersion", "deployment_id",
}  # fmt: skip


class EchoChat:
    """Answers with the last message: promptfoo's `echo` provider."""

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`."""
        text = request.messages[-1].content
        if on_text is not None:
            on_text(text)
        return Completion(text, Usage(calls=1), "stop")


def register_echo(models: Models) -> None:
    """Make the endpoint `echo` usable."""
    models.register(ECHO, EchoChat())


def model_from(provider: Mapping[str, Any]) -> tuple[ModelSpec, Endpoint | None]:
    """The model a provider stands for, and its endpoint where the file says where it is.

    A key in the file is never read, and a base URL from the file gets no key of the environment: whoever wrote the
    file could have it sent anywhere. Such an endpoint gets its key in Settings.

    Raises:
        UnsupportedError: It has no counterpart here.
    """
    if provider.get("problem"):
        raise UnsupportedError(str(provider["problem"]))
    # `openai:chat:gpt-4o` is service, kind, model; a model's own name may hold further colons.
    service, _, rest = str(provider["id"]).partition(":")
    config = provider.get("config") or {}
    # `delay` only slows calls down.
    foreign_keys = sorted(set(provider) - {"id", "label", "config", "prompts", "delay"})
    if foreign_keys:
        raise UnsupportedError(f"its '{foreign_keys[0]}' is not supported")
    if not isinstance(config, Mapping):
        raise UnsupportedError("its 'config' is not a mapping")
    if service == ECHO:
        return ModelSpec(endpoint=ECHO, mode="chat"), None
    mode, name = _mode_and_name(service, rest)
    endpoint = _endpoint(service, config)
    return _spec(endpoint.name if endpoint else _service_name(service), name, mode, config), endpoint


def _service_name(service: str) -> str:
    return {"azureopenai": "azure"}.get(service, service)


def _mode_and_name(service: str, rest: str) -> tuple[str, str]:
    if service not in ("openai", "azure", "azureopenai", *_SERVICES) or not rest:
        raise UnsupportedError("is not an OpenAI-compatible service known here")
    # `openai:gpt-4o` has no kind, and a model such as `llama3:8b` only looks as if it had one.
    kind, _, name = rest.partition(":")
    if kind in ("chat", "completion") and name:
        return kind, name
    if kind in (
        "responses",
        "embedding",
        "embeddings",
        "image",
        "realtime",
        "assistant",
        "moderation",
        "transcription",
    ):
        raise UnsupportedError(f"'{kind}' is not supported, only chat and completion")
    return "chat", rest


def _endpoint(service: str, config: Mapping[str, Any]) -> Endpoint | None:
    url = config.get("apiBaseUrl") or _address(service, config.get("apiHost"))
    if not url:
        if service not in _SERVICES:
            return None
        base, key = _SERVICES[service]
        return Endpoint(name=service, base_url=base, api_key_env=key)
    # A whole address is more exact than a host.
    try:
        url = _base_url(service, url)
        # The address is part of the name, so that two servers of one service are two endpoints, and none takes the
        # place (and the key) of the known one.
        return Endpoint(
            name=f"{service}-{re.sub(r'[^A-Za-z0-9.]+', '-', urlsplit(str(url)).netloc)}", base_url=str(url)
        )
    except (ValidationError, ValueError) as error:
        # Never quoted: it may hold a password.
        raise UnsupportedError("its base URL is not a web address, or holds a password") from error


def _base_url(service: str, url: Any) -> Any:
    """The base URL as the file says it; to that of an Azure resource the path of its protocol is added."""
    # Azure speaks OpenAI's protocol below /openai/v1; a resource's bare address answers 404.
    if service in ("azure", "azureopenai") and urlsplit(str(url)).path.rstrip("/") in ("", "/openai"):
        return f"{str(url).rstrip('/').removesuffix('/openai')}/openai/v1"
    return url


def _address(service: str, host: Any) -> str:
    """The base URL on a host that is given without one; Azure's protocol of version 1 takes deployments as models."""
    if not host:
        return ""
    place = str(host).removeprefix("https://").removeprefix("http://").rstrip("/")
    return f"https://{place}/openai/v1" if service in ("azure", "azureopenai") else f"https://{place}/v1"


def _spec(endpoint: str, name: str, mode: str, config: Mapping[str, Any]) -> ModelSpec:
    known_keys = {*_FIELDS, *_HARMLESS, *_BODY_FIELDS}
    # A null is as good as not there.
    foreign_keys = sorted(key for key, value in config.items() if key not in known_keys and value is not None)
    if foreign_keys:
        raise UnsupportedError(f"its setting '{foreign_keys[0]}' is not supported")
    fields = {_FIELDS[key]: value for key, value in config.items() if key in _FIELDS and value is not None}
    body = {key: config[key] for key in _BODY_FIELDS if config.get(key) is not None}
    if body and isinstance(fields.get("extra_body", {}), Mapping):
        # What the file sends on by hand counts more than its named settings.
        fields["extra_body"] = {**body, **fields.get("extra_body", {})}
    # A list of texts is checked with the other fields.
    stop = config.get("stop") or ()
    fields["stop"] = (stop,) if isinstance(stop, str) else stop
    # The first fault is enough: one provider, one line.
    try:
        return ModelSpec.model_validate(
            {"max_tokens": MAX_TOKENS, **fields, "endpoint": endpoint, "name": name, "mode": mode}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # A fault of the settings together has no place; its sentence names them.
        where = f"its setting '{first['loc'][0]}': " if first["loc"] else ""
        raise UnsupportedError(f"{where}{field_problem(first)}") from error


def provider_from(model: ModelSpec, mode: str, endpoint: Endpoint | None) -> dict[str, Any]:
    """The promptfoo provider of a model, for export.

    Raises:
        UnsupportedError: promptfoo cannot reach it.
    """
    if model.endpoint == BUILTIN:
        raise UnsupportedError("the built-in model is reached by this program alone")
    if model.endpoint == ECHO:
        return {"id": ECHO}
    name = model.name or (endpoint.default_model if endpoint else "")
    if not name:
        raise UnsupportedError(f"the endpoint {model.endpoint} names no model")
    values = {
        "temperature": model.temperature,
        "max_tokens": model.max_tokens,
        "top_p": model.top_p,
        "seed": model.seed,
        # An empty effort means the model's own, and is no value for a service.
        "reasoning_effort": model.reasoning_effort or None,
        "passthrough": model.extra_body or None,
    }
    config: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if model.stop:
        config["stop"] = list(model.stop)
    # OpenAI's own address is promptfoo's default.
    if model.endpoint != "openai" and endpoint is not None and endpoint.base_url:
        config["apiBaseUrl"] = endpoint.base_url
        # The name of the variable, never the key itself.
        if endpoint.api_key_env:
            config["apiKeyEnvar"] = endpoint.api_key_env
    return {"id": f"openai:{mode}:{name}", "config": config}
