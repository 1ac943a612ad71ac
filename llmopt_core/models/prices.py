"""What the tokens of a model cost."""

from __future__ import annotations

from pydantic import Field

from llmopt_core.types import Spec


class Prices(Spec):
    """USD per million tokens; None for a price that is not known, as of one that a file leaves out.

    `cached_prompt` is for prompt tokens the endpoint had cached; by default full price.
    """

    # A thousand dollars per token at most: what a typing error makes would otherwise overflow sums that are stored.
    prompt: float | None = Field(default=0.0, ge=0.0, le=1e9, allow_inf_nan=False)
    completion: float | None = Field(default=0.0, ge=0.0, le=1e9, allow_inf_nan=False)
    cached_prompt: float | None = Field(default=None, ge=0.0, le=1e9, allow_inf_nan=False)

    def cost(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0) -> float | None:
        """Cost in USD of one call; None where the price of some of its tokens is not known.

        Args:
            prompt_tokens: All of the prompt.
            completion_tokens: Of the answer.
            cached_tokens: The part of `prompt_tokens` that the endpoint had cached.
        """
        # Without a price of its own at full price: an estimate may be too high, a budget must not be passed.
        cached_price = self.prompt if self.cached_prompt is None else self.cached_prompt
        parts = ((prompt_tokens - cached_tokens, self.prompt), (cached_tokens, cached_price),
                 (completion_tokens, self.completion))  # fmt: skip
        # Zero tokens cost nothing at any price: embeddings need no price for what is written.
        if any(tokens and price is None for tokens, price in parts):
            return None
        return sum(tokens * (price or 0.0) for tokens, price in parts) / 1e6

    @property
    def missing_price(self) -> str:
        """Which of the two prices is not known, `prompt` or `completion`; empty where both are."""
        return "prompt" if self.prompt is None else "completion" if self.completion is None else ""
