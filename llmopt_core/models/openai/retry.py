"""Which failed calls are worth another try, and after how long. Import this module at use: it loads the SDK."""

from __future__ import annotations

import asyncio
import email.utils
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import httpx2
import openai

from llmopt_core.errors import EndpointError
from llmopt_core.models.openai.transport import TooLargeError
from llmopt_core.models.openai.wire_answers import InBandError
from llmopt_core.models.openai.wire_errors import GATEWAY_TIMEOUTS, WIRE_ERRORS

T = TypeVar("T")

# The SDK's own pauses between tries.
_FIRST_SECONDS, _MOST_SECONDS = 0.5, 8.0
# A `Retry-After` that is longer is told instead of waited for.
# Services that are out of quota ask for hours; a person who waits for two minutes rather decides.
_LONGEST_WAIT = 120.0
_PASSING = (408, 409, 429)  # Time-out, conflict and too many requests: the SDK repeats the same ones.


async def with_retries(
    call: Callable[[], Awaitable[T]],
    retries: int,
    explain: Callable[[Exception, int], EndpointError],
) -> T:
    """Make a call, and again while that may help.

    Args:
        call: The call; raises one of `WIRE_ERRORS` where it fails.
        retries: Most further tries.
        explain: The error for the user, from the last error and the number of tries.

    Raises:
        EndpointError: It failed for good.
    """
    for attempt in range(retries + 1):
        try:
            return await call()
        except WIRE_ERRORS as error:
            pause = pause_before_retry(error, attempt)
            if pause is None or attempt == retries:
                raise explain(error, attempt + 1) from None
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")


def with_retries_here(call: Callable[[], T], retries: int, explain: Callable[[Exception, int], EndpointError]) -> T:
    """`with_retries` for threads."""
    for attempt in range(retries + 1):
        try:
            return call()
        except WIRE_ERRORS as error:
            pause = pause_before_retry(error, attempt)
            if pause is None or attempt == retries:
                raise explain(error, attempt + 1) from None
            time.sleep(pause)
    raise AssertionError("unreachable")


def pause_before_retry(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before the next try; None where another one would not help.

    After a time-out it helps only where no connection was made: a slow server still works on the first question, and
    would get it once more. A proxy that gave up waiting says the same of it, but may ask for another try. An answer
    that cannot be read passes, as a busy proxy's page does.

    Args:
        error: One of `WIRE_ERRORS`.
        attempt: How many tries were made before the one that failed.
    """
    if isinstance(error, openai.APIStatusError):
        return _after_status(error.status_code, error.response.headers, attempt)
    if isinstance(error, openai.APITimeoutError) and isinstance(error.__cause__, httpx2.ConnectTimeout):
        return _backoff(attempt)
    if isinstance(error, InBandError) and error.status is not None:
        return _after_status(error.status, {}, attempt)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError | TooLargeError):
        return None
    return _backoff(attempt)


def _after_status(status: int, headers: Mapping[str, str], attempt: int) -> float | None:
    pause = _retry_after(headers)
    if pause is not None and pause > _LONGEST_WAIT:
        return None
    # OpenAI's own word for whether another try helps; it stands above the status.
    word = headers.get("x-should-retry", "")
    wants_retry = word == "true" or pause is not None
    if word == "false" or (status in GATEWAY_TIMEOUTS and not wants_retry):
        return None
    if word != "true" and status not in _PASSING and status < 500:
        return None
    # A date that is over, and `0`, mean "soon": without a pause all callers would come back at once.
    return pause if pause is not None and pause > 0 else _backoff(attempt)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, milliseconds under a name of their own, or a date."""
    # Milliseconds first, as they are more exact; Azure and OpenAI send both.
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        # `float` takes "inf" and "nan" for numbers.
        return seconds if math.isfinite(seconds) else None
    try:
        return email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None


def _backoff(attempt: int) -> float:
    """Doubled each time, and less by chance, so that many callers do not come back together."""
    return float(min(_FIRST_SECONDS * 2.0**attempt, _MOST_SECONDS) * (1 - 0.25 * random.random()))
