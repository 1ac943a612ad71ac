"""What a fine-tuning service refuses, in words. Import this module at use: it loads the SDK."""

from __future__ import annotations

import openai

from llmopt_core.errors import EndpointError, hide_keys
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.wire_errors import WIRE_ERRORS, endpoint_error
from llmopt_core.models.openai.wire_values import label_of

__all__ = ["WIRE_ERRORS", "explain", "failure_words", "is_ambiguous"]

_ELSEWHERE = "fine-tune the built-in model on this machine, or choose another endpoint that offers fine-tuning"

# By the codes of OpenAI's API reference; other services use some of them. What is not here is told in the service's own
# words.
_REFUSALS = {
    "training_not_available": (
        "this organisation can start no fine-tuning jobs there (OpenAI is closing self-serve fine-tuning in steps "
        f"until January 2027); models that are fine-tuned already keep answering. Instead, {_ELSEWHERE}"
    ),
    "model_not_available": "the base model cannot be fine-tuned there, or no longer; choose another base model",
    "model_not_found": "there is no such base model there; check its name",
    "invalid_model": "there is no such base model there, or it cannot be fine-tuned; check its name",
    "insufficient_quota": "the account's quota is spent; check plan and billing there",
    "exceeded_quota": "the account's quota is spent; check plan and billing there",
    "billing_hard_limit_reached": "the account's spending limit is reached; raise it there",
    "rate_limit_exceeded": "too many requests or too many jobs today; try again later",
    "daily_rate_limit_exceeded": "no more jobs can be started today; try again tomorrow",
    "unsupported_country_region_territory": "it does not serve this country or region",
    "invalid_training_file": "it cannot use the training file; run llmopt finetune check on it",
    "invalid_validation_file": "it cannot use the validation file; run llmopt finetune check on it",
    "invalid_file_format": "it cannot read the file; run llmopt finetune check on it",
    "invalid_n_examples": "the training file has too few examples; at least 10 are needed",
    "content_policy_violation": "its content check refused the training data",
    "unsafe_file": "its content check refused the training data",
    "moderation_failed": "its content check refused the training data",
}


def explain(error: Exception, endpoint: Endpoint, what: str, key: str = "") -> EndpointError:
    """The error for the user.

    Args:
        error: One of `WIRE_ERRORS`.
        endpoint: The service.
        what: What was attempted, such as "start the job".
        key: Blotted out should the service repeat it.
    """
    # Also where our words are used: it blots out the key.
    plain = endpoint_error(error, endpoint, "", key)
    if not isinstance(error, openai.APIStatusError):
        return plain
    label = label_of(error.code) or ""
    words = _REFUSALS.get(label) or _by_status(error.status_code, endpoint, what)
    if not words:
        return plain
    # The kinds decide what callers do next; all that is left was refused for what was sent.
    kind = {403: "unauthorized", 404: "not-found", 429: "rate-limited"}.get(error.status_code, "bad-request")
    code = f"{error.status_code} {label}" if label else str(error.status_code)
    return EndpointError(f"Endpoint {endpoint.name!r} would not {what} ({code}): {words}.", kind)


def _by_status(status: int, endpoint: Endpoint, what: str) -> str:
    if status == 403:
        return f"the key is not allowed to {what}; check its permissions there, or {_ELSEWHERE}"
    # Gateways that pass on chat alone answer 404, 405 or 501 to addresses they do not know.
    if status in (404, 405, 501) and what in ("start the job", "take the file"):
        return f"{endpoint.base_url} has no fine-tuning API; {_ELSEWHERE}"
    if status == 413:
        return "the file is too large; use fewer examples"
    return ""


def failure_words(code: str, message: str) -> str:
    """Why a job failed at the service: our words for the code, and the service's own message."""
    # 500 characters: some services repeat the broken line of the file in their message.
    detail = hide_keys(" ".join(message.split()))[:500]
    words = _REFUSALS.get(code, "")
    return f"{words[:1].upper()}{words[1:]} ({detail})." if words and detail else (words or detail or code)


def is_ambiguous(error: Exception) -> bool:
    """Whether the service may have done what was asked although the answer was lost."""
    if isinstance(error, openai.APIStatusError):
        # 408 and 409 can come after the work was done; a 429 or 400 comes before it.
        return error.status_code >= 500 or error.status_code in (408, 409)
    # A timeout or a broken connection says nothing about what happened at the other end.
    return True
