"""Does a tuned model pay? Cost per request, and the number of requests after which its training is earned back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmopt_core.execution.money import dollars


@dataclass(frozen=True, slots=True)
class RequestCost:
    """Mean tokens of one request and USD per million tokens.

    Attributes:
        hourly_usd: For a machine of one's own: its price, with `seconds` of it used per request.
    """

    prompt_tokens: float
    completion_tokens: float
    prompt_price: float = 0.0
    completion_price: float = 0.0
    seconds: float = 0.0
    hourly_usd: float = 0.0

    @property
    def usd(self) -> float:
        """Cost of one request."""
        tokens = self.prompt_tokens * self.prompt_price + self.completion_tokens * self.completion_price
        return tokens / 1e6 + self.seconds * self.hourly_usd / 3600  # prices are per million tokens and per hour


@dataclass(frozen=True, slots=True)
class BreakEven:
    """After how many requests the training is earned back; None where it never is."""

    requests: int | None
    saved_per_request: float
    training_usd: float

    @property
    def sentence(self) -> str:
        """For people."""
        if self.requests is None:
            return "A request to the fine-tuned model is not cheaper, so its training never pays by price alone."
        if self.requests == 0:
            return f"The training was free: every request saves {dollars(self.saved_per_request)} from the first."
        return f"The training ({dollars(self.training_usd)}) is earned back after {self.requests:,} requests."


def break_even(base: RequestCost, tuned_cost: RequestCost, training_usd: float) -> BreakEven:
    """Compare the base model with its longer prompt to the tuned model with its shorter one."""
    saving = base.usd - tuned_cost.usd
    # An equal price never earns the training back either, and would divide by 0.
    if saving <= 0:
        return BreakEven(None, saving, training_usd)
    # Whole requests, rounded up; 1.1 / 0.1 is 11.000000000000002 in floats, and must not become 12.
    return BreakEven(math.ceil(training_usd / saving - 1e-9), saving, training_usd)
