"""Where models are reached, at what price. An endpoint never holds a key, only the name of its variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from llmopt_core.errors import BadInput, field_problem, has_key
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.models.body_fields import check_parameters
from llmopt_core.models.endpoint_values import VARIABLE, is_key, read_yaml, repair, with_missing_prices
from llmopt_core.models.hosts import host_of
from llmopt_core.models.prices import Prices
from llmopt_core.settings import Settings
from llmopt_core.types import Spec, Usage

OPENAI = "openai"
OPENAI_URL = "https://api.openai.com/v1"


class EmbeddingModel(Spec):
    """An embedding model at an endpoint, which itself tells nothing of it. None for what is known by its name.

    Attributes:
        query_prefix: Written before each question.
        passage_prefix: Written before each passage.
        window: Tokens of a text that it reads.
    """

    query_prefix: str | None = Field(default=None, max_length=2000)
    passage_prefix: str | None = Field(default=None, max_length=2000)
    # Ten million: above every model there is; it only keeps a typing error from being taken as no limit.
    window: int | None = Field(default=None, ge=1, le=10_000_000)


class Endpoint(Spec):
    """An OpenAI-compatible base URL.

    Attributes:
        api_key_env: Environment variable that holds the key; empty for endpoints without one.
        prices: By model name; `"*"` stands for every other model. A model without a price has unknown cost.
        default_model: Used where a configuration names no model.
        models: Names to choose from, beside those that the endpoint lists itself.
        mode: What the endpoint is asked by default: `/chat/completions` or `/completions`.
        max_concurrency: Most calls in flight at once.
        timeout_seconds: Longest wait for one attempt: the whole answer, or the next piece of a streamed one.
        max_retries: Further attempts after a refused connection, a timeout, a 429 or a 5xx.
        embeddings: Its embedding models by name, where more than the name is to be known; `"*"` for every other.
        embedding_batch: Most texts in one call to an embedding model; halved by itself where the service refuses it.
        parameters: Parameter -> its name there, or None to leave it out, such as `{max_tokens: max_completion_tokens,
            seed: null}`. What an endpoint refuses in words is learnt without.
        begins_with_thinking: Answers begin with thinking that no mark opens, as where `<think>` is part of the prompt:
            one that is cut before a closing mark is thinking. Seen in a whole answer, it is learnt without.
        api_version: Set for Azure OpenAI; `base_url` is then the resource's address, and models are deployments.
    """

    # What stands in the wrong place may be a key, and pydantic would quote it.
    model_config = ConfigDict(hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=100)
    base_url: str = ""
    api_key_env: str = ""
    prices: dict[str, Prices] = Field(default_factory=dict)
    embeddings: dict[str, EmbeddingModel] = Field(default_factory=dict)
    default_model: str = ""
    models: tuple[str, ...] = ()
    mode: Literal["chat", "completion"] = "chat"
    # A guess between a local server, which gains nothing above its slots, and a service, whose rate limit is felt
    # beyond.
    max_concurrency: int = Field(default=8, ge=1, le=1000)
    # Larger waits longer for a server that hangs, smaller gives up answers of slow reasoning models, which are paid for
    # all the same.
    timeout_seconds: float = Field(default=60.0, gt=0.0, le=3600.0)
    # Their pauses double from half a second and add up to some 15 s; more would hide for longer that a service is down.
    max_retries: int = Field(default=5, ge=0, le=20)
    api_version: str = ""
    # 96 is Cohere's limit, 2048 is OpenAI's. A smaller batch only takes more calls, a larger one is refused by more
    # services.
    embedding_batch: int = Field(default=96, ge=1, le=2048)
    parameters: dict[str, str | None] = Field(default_factory=dict)
    begins_with_thinking: bool = False
    # Private, so that no file can say of itself where it comes from, and that it is no part of a fingerprint.
    _source: str = PrivateAttr(default="")

    @property
    def source(self) -> str:
        """The foreign file that brought this endpoint; empty for the user's own. See `trust`."""
        return self._source

    def from_file(self, source: str) -> Endpoint:
        """The endpoint as one of a file that somebody else may have written."""
        copy = self.model_copy()
        copy._source = source
        return copy

    def __eq__(self, other: object) -> bool:
        """The same settings, whoever brought them."""
        # Pydantic compares private attributes too: the user's own endpoint would differ from the same one in a file.
        return isinstance(other, Endpoint) and self.__dict__ == other.__dict__

    # It holds dictionaries, so it has no hash; left out, pydantic would give a frozen class one that fails on them.
    __hash__ = None  # type: ignore[assignment]

    _check_parameters = field_validator("parameters")(check_parameters)

    @field_validator("api_key_env")
    @classmethod
    def _variable_name(cls, name: str) -> str:
        # In our words, as pydantic's end in the value.
        if not VARIABLE.fullmatch(name) or is_key(name):
            raise ValueError("the name of an environment variable is expected, such as OPENAI_API_KEY, not a key")
        return name

    @field_validator("name", "base_url", "default_model", "api_version", "models")
    @classmethod
    def _no_key(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        # These are stored, logged and shown.
        if any(map(has_key, [value] if isinstance(value, str) else value)):
            raise ValueError("this looks like a key; name the key's variable in api_key_env")
        return value

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            # Reading the port is what raises for `:99999`; 0 means "any" and cannot be called.
            port_is_fine = parts.port is None or parts.port > 0
            # Line breaks and other control characters are dropped by some parsers and sent by others.
            sendable = url.isprintable() and " " not in (parts.hostname or " ") and bool(host_of(url))
        except ValueError as error:
            raise ValueError("base_url is not a web address such as https://host:8000/v1") from error
        if parts.scheme not in ("http", "https") or not sendable or not port_is_fine:
            raise ValueError("base_url must be a web address such as https://host:8000/v1")
        # It would stand in the file, in error messages and in the keys of caches.
        if parts.username or parts.password:
            raise ValueError("base_url must not hold a password; name the key's variable in api_key_env")
        # One server, one address: it is a part of cache keys, and paths are appended with their own slash.
        return url.rstrip("/")

    @property
    def parameters_identity(self) -> list[Any]:
        """What of the settings decides answers; nothing where nothing is set, whose keys are as they were."""
        thinking = ["begins with thinking"] if self.begins_with_thinking else []
        return [*([sorted(self.parameters.items())] if self.parameters else []), *thinking]

    def embedding_model(self, model: str) -> EmbeddingModel:
        """What was set for an embedding model."""
        return self.embeddings.get(model) or self.embeddings.get("*") or EmbeddingModel()

    def price_of(self, model: str) -> Prices | None:
        """The price list of a model, or None where it is unknown."""
        return self.prices.get(model) or self.prices.get("*")

    def is_priced(self, model: str, *, writes: bool = True) -> bool:
        """Whether the cost of calls of a model is known; one that only reads, as for embeddings, needs no more."""
        price = self.price_of(model)
        # One token each: only whether a price is missing matters, not the sum.
        return price is not None and price.cost(1, int(writes)) is not None

    def usage(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Usage:
        """What one call took, priced."""
        price = self.price_of(model)
        cost = None if price is None else price.cost(prompt_tokens, completion_tokens, cached_tokens)
        return Usage(prompt_tokens, completion_tokens, cost, calls=1)


def model_name(spec: ModelSpec, endpoint: Endpoint) -> str:
    """The model's name at the endpoint."""
    return spec.name or endpoint.default_model


def builtin_endpoint() -> Endpoint:
    """The embedded model: free, and as many calls at once as its server has slots."""
    return Endpoint(
        name=BUILTIN,
        # Known to be free, which is not the same as unknown: budgets count it, reports show `free`.
        prices={"*": Prices()},
        default_model="SmolLM2-135M-Instruct",
        mode="completion",
        # The slots of its server (`builtin.server.SLOTS`): more would wait there, and their time would count as the
        # answer's.
        max_concurrency=4,
        # On a slow CPU with all slots in use a long answer takes minutes.
        timeout_seconds=300.0,
        max_retries=2,
    )


def endpoints_from(settings: Settings, environ: Mapping[str, str]) -> dict[str, Endpoint]:
    """All endpoints by name; a later one takes the place of an earlier one of its name.

    In this order: `builtin`, `openai` where the environment names it, those of the endpoints file, those added in
    Settings.

    Raises:
        BadInput: A file of endpoints cannot be read or says something unknown.
    """
    endpoints = {BUILTIN: builtin_endpoint()}
    # Either names it: local servers behind OPENAI_BASE_URL often need no key.
    if environ.get("OPENAI_API_KEY") or environ.get("OPENAI_BASE_URL"):
        endpoints[OPENAI] = _openai(environ)
    if settings.endpoints_file is not None:
        endpoints.update(endpoints_in(read_yaml(settings.endpoints_file), str(settings.endpoints_file)))
    # Settings last: what a person changed there must win over a file that was set up once.
    return {**endpoints, **load_endpoints(settings)}


def endpoints_path(settings: Settings) -> Path:
    """Where endpoints added in Settings are kept: a YAML file in the workspace, without keys."""
    return settings.home / "endpoints.yaml"


def load_endpoints(settings: Settings) -> dict[str, Endpoint]:
    """The endpoints added in Settings, by name.

    Raises:
        BadInput: The file cannot be read, or was edited by hand and says something unknown.
    """
    path = endpoints_path(settings)
    return endpoints_in(repair(read_yaml(path)), str(path)) if path.exists() else {}


def endpoints_in(values: Any, source: str) -> dict[str, Endpoint]:
    """Endpoints of a mapping name -> settings, such as the `endpoints:` part of an experiment file.

    Args:
        values: The mapping.
        source: File name for the error message.

    Raises:
        BadInput: Not a mapping, an unknown setting, or the reserved name `builtin` with a base URL.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise BadInput(f"{source}: endpoints must be a mapping of name to settings, not {type(values).__name__}.")
    return {str(name): _endpoint(str(name), fields, source) for name, fields in values.items()}


def _endpoint(name: str, fields: Any, source: str) -> Endpoint:
    if not isinstance(fields, Mapping):
        raise BadInput(f"{source}: endpoint {name!r} must be a mapping with base_url and further settings.")
    if name == BUILTIN:
        raise BadInput(f"{source}: the name {BUILTIN!r} is taken by the embedded model; choose another.")
    # Before pydantic, which would only call it an unknown setting: the key has to be taken out of the file.
    secret = next((key for key in fields if str(key).lower() in ("api_key", "key", "token")), None)
    if secret is not None:
        raise BadInput(
            f"{source}: endpoint {name!r} holds a key under {secret!r}; put the key into an environment variable, "
            f"name that variable in api_key_env, and take the key out of the file."
        )
    try:
        prices = {"prices": with_missing_prices(fields["prices"])} if "prices" in fields else {}
        endpoint = Endpoint.model_validate({"name": name, **fields, **prices})
    except ValidationError as error:
        raise BadInput(f"{source}: endpoint {name!r}: {_first_problem(error)}.") from None
    if not endpoint.base_url:
        raise BadInput(f"{source}: endpoint {name!r} needs a base_url such as http://localhost:11434/v1.")
    return endpoint


def _first_problem(error: ValidationError) -> str:
    first: dict[str, Any] = dict(error.errors(include_url=False)[0])
    where = ".".join(str(part) for part in first["loc"])
    # Without `input`: somebody may have written a key under a name that is none of the above, or in any other place.
    if isinstance(first.get("input"), str) and is_key(first["input"]):
        del first["input"]
    what = "unknown setting" if first["type"] == "extra_forbidden" else field_problem(first)
    return what if not where or what.startswith(f"{where} ") else f"{where}: {what}"


def _openai(environ: Mapping[str, str]) -> Endpoint:
    url = environ.get("OPENAI_BASE_URL") or OPENAI_URL
    try:
        return Endpoint(
            name=OPENAI, base_url=url, api_key_env="OPENAI_API_KEY", default_model=environ.get("OPENAI_MODEL", "")
        )
    except ValidationError as error:
        variable = "OPENAI_MODEL" if error.errors()[0]["loc"] == ("default_model",) else "OPENAI_BASE_URL"
        raise BadInput(f"{variable}: {_first_problem(error)}.") from None
