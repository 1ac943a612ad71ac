"""Calls through a budget: what each may cost before it is made, and what it took afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from llmopt_core.execution.budget import Budget, Quote
from llmopt_core.models.base import ChatModel, ChatRequest, Completion
from llmopt_core.models.endpoints import Endpoint, model_name

# No tokenizer makes fewer or more tokens of a text, but for texts that nobody sends. Asking the right one takes longer
# than it is worth here: this only decides which calls may be made side by side.
_MOST_BYTES, _LEAST_BYTES = 6.0, 1.5
# Tokens that frame a message, rounded up: a budget must not be passed.
_PER_MESSAGE = 10


class MeteredChat:
    """Makes its calls within the budget of this moment.

    Args:
        inner: The model.
        endpoint: For its prices.
        budget: Gives the budget.
    """

    def __init__(self, inner: ChatModel, endpoint: Endpoint, budget: Callable[[], Budget]) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._budget = budget

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`.

        Raises:
            OutOfBudget: There is no room for the call.
        """
        name = model_name(request.model, self._endpoint)
        async with self._budget().call(quote(self._endpoint, name, request.texts, request.model.max_tokens)) as call:
            completion = await self._inner.complete(request, on_text)
            call.enter(completion.usage)
        return completion


def quote(
    endpoint: Endpoint, model: str, texts: Iterable[str], max_tokens: int = 0, tokens: int | None = None
) -> Quote:
    """What a call may take that sends these texts and may be answered with so many tokens.

    Args:
        endpoint: For its prices.
        model: Its name.
        texts: What is sent.
        max_tokens: The longest answer.
        tokens: Of the texts, where they were counted.
    """
    name, price = f"{endpoint.name}|{model}", endpoint.price_of(model)
    # Without a price there is nothing to compare; limits of calls still hold.
    if price is None:
        return Quote(name)
    # Bytes and not characters: a Chinese character is three bytes and about one token.
    sizes = [len(text.encode("utf-8", "replace")) for text in texts]
    most = sum(sizes) / _LEAST_BYTES + _PER_MESSAGE * len(sizes)
    # The least is what a call that is alone needs, the most what calls side by side must leave room for.
    least = sum(sizes) / _MOST_BYTES if tokens is None else tokens
    return Quote(name, price.cost(least, 0) or 0.0, price.cost(round(most), max_tokens))
