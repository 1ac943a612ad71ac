"""Clients of the openai SDK. Import this module at use: it loads the SDK."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import openai

from llmopt_core.errors import EndpointError
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.hosts import is_loopback
from llmopt_core.models.openai.transport import BoundedAsyncClient, BoundedClient

# A host that does not even connect is told at once; answers may take longer.
_CONNECT_SECONDS = 10.0  # A guess: slow networks connect within a few.

Client = TypeVar("Client", openai.OpenAI, openai.AsyncOpenAI)


def make_client(endpoint: Endpoint, key: str) -> openai.AsyncOpenAI:
    """An asynchronous client; it belongs to the event loop that uses it first.

    Raises:
        EndpointError: `unauthorized` where the key is missing or cannot be sent.
    """
    http_client = BoundedAsyncClient(endpoint.timeout_seconds, **_transport(endpoint))
    kind = openai.AsyncAzureOpenAI if endpoint.api_version else openai.AsyncOpenAI
    return _with_named_key_alone(kind(http_client=http_client, **_options(endpoint, key)), endpoint)


def make_sync_client(endpoint: Endpoint, key: str) -> openai.OpenAI:
    """A client for threads; safe to share between them. Errors as in `make_client`."""
    http_client = BoundedClient(endpoint.timeout_seconds, **_transport(endpoint))
    kind = openai.AzureOpenAI if endpoint.api_version else openai.OpenAI
    return _with_named_key_alone(kind(http_client=http_client, **_options(endpoint, key)), endpoint)


def _with_named_key_alone(client: Client, endpoint: Endpoint) -> Client:
    """Take back what the SDK has read from the environment for any host: an Azure token, OpenAI's organization ...

    OpenAI's own variables go along with OPENAI_API_KEY, where the user has set that for the host.
    """
    # A token of AZURE_OPENAI_AD_TOKEN would go to whatever host a file names as an Azure resource.
    if hasattr(client, "_azure_ad_token"):
        client._azure_ad_token = None
    # OPENAI_ADMIN_KEY manages whole organizations; no call of ours needs it.
    client.admin_api_key = None
    # Another service must not learn who its caller is at OpenAI, nor may a foreign file's host.
    if endpoint.api_key_env != "OPENAI_API_KEY" or endpoint.source:
        client.organization = client.project = None
        # The SDK has no public way to be without OPENAI_CUSTOM_HEADERS.
        client._custom_headers = {}
    return client


def _options(endpoint: Endpoint, key: str) -> dict[str, Any]:
    options = {"api_key": _sendable(key, endpoint), "max_retries": endpoint.max_retries}
    if not endpoint.api_version:
        return options | {"base_url": endpoint.base_url}
    # The SDK adds `/openai/deployments/MODEL` to the resource's address itself. Many copy the address with `/openai` at
    # its end; the SDK would add that once more.
    resource = endpoint.base_url.removesuffix("/openai")
    return options | {"azure_endpoint": resource, "api_version": endpoint.api_version}


def _transport(endpoint: Endpoint) -> dict[str, Any]:
    seconds = endpoint.timeout_seconds
    # Shorter than the whole: a connection that nobody takes is told from an answer that does not come.
    connect = min(0.9 * seconds, _CONNECT_SECONDS)
    return {
        # No limit for the pool: our own limiter says how many calls there are, a wait for it is no failure.
        "timeout": httpx2.Timeout(seconds, connect=connect, pool=None),
        # The limiter above bounds the calls; closing idle connections early would only cost new handshakes.
        "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=endpoint.max_concurrency),
        # A company's proxy cannot reach this machine, and would see the prompts.
        "trust_env": not is_loopback(endpoint.base_url),
    }


def _sendable(key: str, endpoint: Endpoint) -> str:
    # A key copied from a web page brings a space or line break, which no header may hold.
    key = key.strip()
    if not key and (endpoint.api_version or urlsplit(endpoint.base_url).hostname == "api.openai.com"):
        variable = endpoint.api_key_env or "api_key_env"
        raise EndpointError(
            f"Endpoint {endpoint.name!r} has no key: set {variable} or enter the key in Settings.", "unauthorized"
        )
    if not (key.isascii() and key.isprintable()):
        raise EndpointError(
            f"The key of endpoint {endpoint.name!r} holds characters that cannot be sent; enter it again.",
            "unauthorized",
        )
    # Servers without keys ignore this word; the SDK insists on some.
    return key or "none"
