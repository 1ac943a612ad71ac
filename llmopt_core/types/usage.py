"""What calls took, and why work failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls took. `calls` went to an endpoint; `cached_calls` were answered by the call cache, at no cost.

    `cost_usd` is None where the endpoint has no price list. What begins with `saved` is what the cached calls took when
    they were made.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    calls: int = 0
    cached_calls: int = 0
    saved_prompt_tokens: int = 0
    saved_completion_tokens: int = 0
    saved_cost_usd: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            # One unknown cost makes the sum unknown: a part of it would be read as the whole.
            _total(self.cost_usd, other.cost_usd),
            self.calls + other.calls,
            self.cached_calls + other.cached_calls,
            self.saved_prompt_tokens + other.saved_prompt_tokens,
            self.saved_completion_tokens + other.saved_completion_tokens,
            _total(self.saved_cost_usd, other.saved_cost_usd),
        )

    @property
    def original(self) -> Usage | None:
        """What all these calls took when they were made; None where cached ones do not know it any more."""
        # Entries of earlier versions kept no usage; each real call has tokens.
        if self.cached_calls and not self.saved_prompt_tokens + self.saved_completion_tokens:
            return None
        return Usage(
            self.prompt_tokens + self.saved_prompt_tokens,
            self.completion_tokens + self.saved_completion_tokens,
            _total(self.cost_usd, self.saved_cost_usd),
            self.calls + self.cached_calls,
        )

    @property
    def from_cache(self) -> Usage:
        """The same calls, answered from the cache."""
        # A cached answer may be one that was cached before: what is saved is what it took at first.
        usage = self.original or Usage()
        return Usage(
            cached_calls=self.calls + self.cached_calls,
            saved_prompt_tokens=usage.prompt_tokens,
            saved_completion_tokens=usage.completion_tokens,
            saved_cost_usd=usage.cost_usd,
        )


def _total(a: float | None, b: float | None) -> float | None:
    # Rounded far below any price: fifty times 0.01 is 0.5 and not a little more.
    return None if a is None or b is None else round(a + b, 15)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stage gave no result: the stage, the kind of error, and one sentence for the user."""

    stage: str
    kind: str
    message: str
