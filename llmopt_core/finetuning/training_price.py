"""What training at a service may cost, told before anything is sent and held against a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.execution.budget import Quote
from llmopt_core.execution.money import dollars
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.lint import DEFAULT_TOKEN_LIMIT
from llmopt_core.finetuning.data.tokens import (
    MIN_EPOCHS,
    TARGET_EPOCHS,
    billing_counter,
    conversation_tokens,
    default_epochs,
    tools_tokens,
)
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.training.hyperparameters import ServiceSettings, settings_from


@dataclass(frozen=True, slots=True)
class TrainingPrice:
    """What a job may take, as a range from least to most.

    Attributes:
        epoch_tokens: Billed for one epoch: with each example cut off at the usual limit, and whole.
        epochs: Those that were asked for; where the service chooses, from one to as many as OpenAI would choose.
        per_million: USD per million training tokens; None where it is not known.
    """

    epoch_tokens: tuple[int, int]
    epochs: tuple[int, int]
    per_million: float | None = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Billed in all."""
        return self.epoch_tokens[0] * self.epochs[0], self.epoch_tokens[1] * self.epochs[1]

    @property
    def usd(self) -> tuple[float, float] | None:
        """None without a price."""
        least, most = self.tokens
        return None if self.per_million is None else (least * self.per_million / 1e6, most * self.per_million / 1e6)

    @property
    def sentence(self) -> str:
        """For people."""
        amount = f"{_range(*(f'{tokens:,}' for tokens in self.tokens))} tokens in {self._epochs}"
        if self.usd is None:
            return f"It trains on {amount}; without a price per million tokens nobody knows what that costs."
        return f"It will cost about {_range(*map(dollars, self.usd))}: {amount}."

    def quote(self, model: str) -> Quote:
        """The job as a call within a budget."""
        # Least and most of a quote are both the most here: a budget must bear the worst case, since a training cannot
        # be stopped at the cent.
        return Quote(model) if self.usd is None else Quote(model, *[self.usd[1]] * 2)

    def check(self, budget_usd: float | None) -> None:
        """Refuse a job that may cost more than its budget: once it trains, nobody stops it in time.

        Raises:
            BadInput: A budget needs a price.
            OutOfBudget: Says what it may cost.
        """
        if budget_usd is None:
            return
        if self.usd is None:
            raise BadInput(
                "A budget needs the price of a million training tokens at the service; say it too (--price)."
            )
        # A budget that equals the price to the cent must not be refused for the rounding of floats.
        if self.usd[1] > budget_usd * (1 + 1e-9):
            advice = " or set the number of epochs" if self.epochs[0] < self.epochs[1] else " or fewer epochs"
            raise OutOfBudget(
                f"Nothing was sent: training may cost {dollars(self.usd[1])} ({self.tokens[1]:,} tokens in "
                f"{self._epochs}), more than the budget of {dollars(budget_usd)}; take a larger budget{advice}."
            )

    @property
    def _epochs(self) -> str:
        least, most = self.epochs
        if least == most:
            return f"{most} epoch{'s' * (most > 1)}"
        return f"{least} to {most} epochs, as the service chooses"


def training_price(request: JobRequest, training: TrainingSet) -> TrainingPrice:
    """What this request would take at a service.

    Raises:
        BadInput: A wrong hyperparameter.
    """
    epochs = settings_from(ServiceSettings, request.hyperparameters).n_epochs
    counter = billing_counter()
    sizes = [
        # A preference pair is billed with both of its outputs.
        conversation_tokens((*example.messages, *example.preferred, *example.rejected), counter)
        + tools_tokens(example.tools, counter)
        for example in training.examples
    ]
    # A service that leaves the epochs open may take more than the usual three; the larger number is what a budget must
    # bear.
    most_epochs = max(TARGET_EPOCHS, default_epochs(len(sizes)))
    return TrainingPrice(
        # At least what is left when long examples are cut off, at most all; which of them, depends on the model.
        (sum(min(size, DEFAULT_TOKEN_LIMIT) for size in sizes), sum(sizes)),
        (epochs, epochs) if epochs else (MIN_EPOCHS, most_epochs),
        request.price_per_million,
    )


def over_budget(request: JobRequest, state: Mapping[str, Any]) -> str:
    """Why a job takes more than its budget, by what the service reports; empty where it does not.

    Args:
        request: What was asked for.
        state: Of the job, with `cost_usd` of the tokens it has trained on, and the `epochs` that were chosen.
    """
    budget_usd, price = request.budget_usd, request.price_per_million
    if budget_usd is None or price is None:
        return ""
    cost, tokens = state.get("cost_usd"), state.get("trained_tokens")
    # Once tokens are reported their true cost counts; the epochs only predict it before that.
    epochs = 0 if tokens else state.get("epochs") or 0
    expected_cost = epochs * state.get("epoch_tokens", 0) * price / 1e6
    if cost is not None and cost > budget_usd:
        reason = f"has trained on {tokens:,} tokens, which cost {dollars(cost)}"
    elif expected_cost > budget_usd * (1 + 1e-9):
        reason = f"has chosen {epochs} epochs, which may cost {dollars(expected_cost)}"
    else:
        return ""
    return f"The service {reason}, more than the budget of {dollars(budget_usd)}."


def cost_words(job: Job) -> str:
    """What a job at a service costs, or is expected to, of its budget; empty where nobody knows."""
    budget_text = "" if job.budget_usd is None else f" of the budget of {dollars(job.budget_usd)}"
    if job.cost_usd is not None:
        remainder = "" if job.budget_usd is None else f", {dollars(max(0.0, job.budget_usd - job.cost_usd))} are left"
        return f"{dollars(job.cost_usd)}{budget_text} are spent, for {job.trained_tokens:,} trained tokens{remainder}"
    if job.estimate_usd is None or job.has_ended:
        return ""
    return f"About {_range(*map(dollars, job.estimate_usd))}{budget_text} are expected; the service tells at the end"


def _range(least: str, most: str) -> str:
    return most if least == most else f"{least} to {most}"
