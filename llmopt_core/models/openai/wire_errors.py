"""What went wrong on the wire, in one sentence for the user. Import this module at use: it loads the SDK."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from llmopt_core.errors import EndpointError
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.embedding_answers import VectorsError
from llmopt_core.models.openai.error_text import reason_of
from llmopt_core.models.openai.transport import MOST_BYTES, AnswerTimeoutError, TooLargeError
from llmopt_core.models.openai.wire_answers import InBandError
from llmopt_core.models.openai.wire_values import label_of, readable
from llmopt_core.models.time_limits import PieceTimeoutError, WholeTimeoutError

# What the SDK, the transport and the parsing of an answer raise. Everything else is a bug and stays one.
WIRE_ERRORS = (
    openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, RecursionError,
    TimeoutError,
)  # fmt: skip

GATEWAY_TIMEOUTS = (504, 524)
"""What a proxy says of a server that took too long: it still works on the question."""

# Error pages of proxies are whole documents.
_MAX_DETAIL = 300
# A shorter placeholder such as `x` would be blotted out of every word.
_SHORTEST_KEY = 4
# `sk-...`, `gsk_...`, `AIza...`, `Bearer ...`: services repeat a wrong key, perhaps with stars, and a gateway may show
# its own.
_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|gsk|hf|xai|AIza)[-_]?[A-Za-z0-9_\-*.]{8,}|(?i:bearer)\s+\S+")


def endpoint_error(error: Exception, endpoint: Endpoint, model: str, key: str = "", attempts: int = 0) -> EndpointError:
    """The error for the user.

    Args:
        error: One of `WIRE_ERRORS`.
        endpoint: Where the call went.
        model: The model that was asked for.
        key: Blotted out should the endpoint's own message repeat it.
        attempts: How often it was tried; 0 where the SDK alone knows.
    """
    kind, sentence = _describe(error, endpoint, model, key, attempts)
    return EndpointError(_hide_keys(sentence, key), kind)


def _hide_keys(text: str, key: str) -> str:
    if len(key) >= _SHORTEST_KEY:
        # First this very key, whatever it looks like.
        text = text.replace(key, "***")
    return _LOOKS_LIKE_A_KEY.sub("***", text)


def _describe(error: Exception, endpoint: Endpoint, model: str, key: str, attempts: int) -> tuple[str, str]:
    if isinstance(error, openai.APIStatusError):
        is_redirect = 300 <= error.status_code < 400
        if is_redirect:
            return _redirect(error, endpoint, key)
        # The SDK counts its own tries where it made them (uploads and jobs of fine-tuning).
        times, wait = _attempts(attempts or _sdk_attempts(error)), error.response.headers.get("retry-after", "")
        return _status(_Failure(error.status_code, _detail(error_body(error), key), times, wait), endpoint, model)
    if isinstance(error, InBandError) and error.status is not None:
        return _status(_Failure(error.status, _detail(error.body, key), _attempts(attempts or 1)), endpoint, model)
    return _without_status(error, endpoint, key, attempts)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What an endpoint answered in place of an answer, its reason in its own words, and after how many tries."""

    status: int
    message: str
    tries: str
    wait: str = ""


def _without_status(error: Exception, endpoint: Endpoint, key: str, attempts: int) -> tuple[str, str]:
    who = f"Endpoint {endpoint.name!r}"
    # The SDK's, the client's, and those of `asyncio.timeout`.
    is_timeout = isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError)
    # No connection at all is "cannot be reached": there more patience does not help.
    if is_timeout and not isinstance(error.__cause__, httpx2.ConnectTimeout):
        return "timeout", f"{who} {_wait_words(error, endpoint)}; {_HELPS_HERE}."
    if isinstance(error, openai.APIConnectionError):
        return _connection(error.__cause__ or error, endpoint)
    if isinstance(error, httpx2.TransportError | httpx2.StreamError):
        return _connection(error, endpoint)
    # An error event of a stream: it has words, but no status.
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIResponseValidationError):
        detail = _detail(error.body, key) or f": {_one_line(error.message, key)}"
        return "server-error", f"{who} broke off with an error{detail}."
    return _unreadable(error, endpoint, key, attempts)


def error_body(error: openai.APIStatusError) -> Any:
    """The answer's JSON or text; the SDK gives `error` of it alone, which may be less than is said beside it."""
    try:
        # The whole body: the SDK keeps `error` of it, and FastAPI's `detail` stands beside.
        return error.response.json()
    except (ValueError, httpx2.StreamError, RecursionError):
        return error.body


def refusal_in(error: openai.APIError | InBandError) -> tuple[int, Any]:
    """Status and body; one that came with status 200 and names no other is taken for a refusal of the request."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code, error_body(error)
    refusal = error if isinstance(error, InBandError) else InBandError(error.body)
    return refusal.status or 400, refusal.body


def _finish_of(body: Any) -> str:
    """Why an answer says that it broke off, where that is all it says."""
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    reason = label_of(first.get("finish_reason"))
    return f": it broke off (finish_reason {reason!r})" if reason else ": no reason given"


def _unreadable(error: Exception, endpoint: Endpoint, key: str, attempts: int) -> tuple[str, str]:
    who, times = f"Endpoint {endpoint.name!r}", f", {_attempts(attempts)}" if attempts > 1 else ""
    if isinstance(error, TooLargeError):
        return "bad-answer", f"{who} sent more than {MOST_BYTES // 10**6} MB as one answer; it was not read further."
    if isinstance(error, InBandError):
        detail = _detail(error.body, key) or _finish_of(error.body)
        return "server-error", f"{who} answered with an error{times}{detail}."
    if isinstance(error, VectorsError):
        return error.kind, f"{who} answered with {error}{times}."
    return "bad-answer", (
        f"{who} answered something that is not an OpenAI-style reply{times}; check that "
        f"{endpoint.base_url or 'its URL'} is an OpenAI-compatible API (it often ends in /v1)."
    )


def _redirect(error: openai.APIStatusError, endpoint: Endpoint, key: str) -> tuple[str, str]:
    return "unreachable", (
        f"Endpoint {endpoint.name!r} wanted to send the call on to {_target(error, key)} ({error.status_code}), which "
        f"was not followed: key and texts go to {endpoint.base_url} alone. If the new address is right, make it the "
        "base URL."
    )


def _connection(cause: BaseException, endpoint: Endpoint) -> tuple[str, str]:
    who = f"Endpoint {endpoint.name!r}"
    if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.StreamError):
        return "truncated", f"{who} closed the connection before its answer was whole; try again."
    if isinstance(cause, httpx2.ConnectTimeout):
        return "unreachable", f"{who} cannot be reached: {endpoint.base_url} did not accept a connection in time."
    return "unreachable", (
        f"{who} cannot be reached at {endpoint.base_url} ({_reason(cause)}); "
        f"start its server or correct the base URL in Settings."
    )


def _reason(cause: BaseException) -> str:
    # By their words: the types differ between systems and versions, and a user knows "connection refused".
    text = str(cause).lower()
    # In this order: a certificate's fault names SSL, too.
    words_by_sign = {
        "connection refused": "connection refused",
        "all connection attempts failed": "connection refused",
        "name or service not known": "unknown host name",
        "nodename nor servname": "unknown host name",
        "temporary failure in name resolution": "host name not found",
        "no address associated": "unknown host name",
        "certificate": "its TLS certificate is not trusted",
        "ssl": "no TLS connection",
        "network is unreachable": "network is unreachable",
    }
    return next((words for sign, words in words_by_sign.items() if sign in text), type(cause).__name__)


def _status(failure: _Failure, endpoint: Endpoint, model: str) -> tuple[str, str]:
    status, detail, times, wait = failure.status, failure.message, failure.tries, failure.wait
    who = f"Endpoint {endpoint.name!r}"
    # 403 is "not your model" at some; the endpoint's own words follow and tell.
    if status in (401, 403):
        variable = f"set {endpoint.api_key_env} or " if endpoint.api_key_env else ""
        return "unauthorized", f"{who} refused the key ({status}){detail}; {variable}enter the right key in Settings."
    if status == 404:
        return "not-found", (
            f"{who} has no model {model!r} or no such path at {endpoint.base_url} (404){detail}; "
            f"check the model name and the base URL (it often ends in /v1)."
        )
    if status == 429:
        return "rate-limited", (
            f"{who} refused for too many requests or a spent quota, {times} (429){detail}; lower the "
            f"concurrency or wait{f' {wait} s, as it asks' if wait.isdigit() else ''}."
        )
    if status == 408 or status in GATEWAY_TIMEOUTS:
        return "timeout", f"{who} {_too_long(status, times)}{detail}; try again{'' if status == 408 else _HELPS}."
    if status < 500:
        return "bad-request", f"{who} refused the request ({status}){detail}."
    return "server-error", f"{who} failed, {times} (HTTP {status}){detail}; try again later."


def _wait_words(error: Exception, endpoint: Endpoint) -> str:
    """What was waited for, and how long."""
    if isinstance(error, WholeTimeoutError):
        return f"was still writing after {error.seconds:g} s, the longest that a streamed answer may take"
    if isinstance(error, PieceTimeoutError):
        return f"sent nothing more of its answer for {error.seconds:g} s"
    seconds = error.seconds if isinstance(error, AnswerTimeoutError) else endpoint.timeout_seconds
    return f"gave no whole answer within {seconds:g} s"


def _too_long(status: int, tries: str) -> str:
    if status == 408:
        return "gave up waiting (408)"
    return f"took longer than the proxy before it waits, {tries} (HTTP {status})"


_HELPS_HERE = "try again, lower the concurrency, or raise timeout_seconds"
_HELPS = ", lower the concurrency, ask for shorter answers, or raise the proxy's time limit"


def _target(error: openai.APIStatusError, key: str) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        url = httpx2.URL(str(error.request.url)).join(error.response.headers.get("location", ""))
        # Without its query, which may hold a token.
        address = f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"
    except (httpx2.InvalidURL, ValueError):
        return "an address that makes no sense"
    return readable(_one_line(address, key))[:200]


def _sdk_attempts(error: openai.APIStatusError) -> int:
    """How often the SDK tried; it says so in the last request."""
    return int(error.request.headers.get("x-stainless-retry-count", "0")) + 1


def _attempts(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times in a row"


def _detail(body: object, key: str) -> str:
    """The endpoint's own short reason."""
    detail = _one_line(reason_of(body), key)
    return f": {detail}" if detail else ""


def _one_line(text: str, key: str) -> str:
    # Before any cut, which may leave a part of a key that is known by nothing.
    text = _hide_keys(text, key)
    # Cut before the white space is looked at: a body may be megabytes of it.
    line = " ".join(readable(text[: 10 * _MAX_DETAIL]).split()).rstrip(".")
    return line if len(line) <= _MAX_DETAIL else line[: _MAX_DETAIL - 1] + "\u2026"
