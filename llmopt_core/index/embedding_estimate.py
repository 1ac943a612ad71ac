"""What a sweep will send to a paid embedding model, before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.tokenizers import tokenizer

# Characters: enough for a share of tokens that holds for the rest, counted in milliseconds.
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that is sent: what was embedded before, or is the same in several settings, is not sent again.

    Attributes:
        tokens: Counted as cl100k.
        cost_usd: None where the endpoint has no price for the model.
    """

    tokens: int
    cost_usd: float | None


def estimate_embedding(  # noqa: PLR0917
    characters: int,
    sample: str,
    chunkings: Sequence[ChunkingSpec],
    endpoint: Endpoint,
    model: str,
    questions: Sequence[str] = (),
) -> Estimate:
    """The most tokens that the chunks of all chunkings and the questions can have, and what they cost.

    Args:
        characters: Of all documents.
        sample: A piece of their text, for the number of tokens per character.
        chunkings: Those of the sweep.
        endpoint: Where the model runs.
        model: Its name there.
        questions: They are embedded too.
    """
    piece = sample[:_SAMPLE]
    count = tokenizer("cl100k_base").count
    # Four characters per token, as in English prose, where there is no text to count.
    each = count(piece) / len(piece) if piece else 0.25
    # Equal questions are embedded once.
    tokens = round(characters * each * sum(map(_times, chunkings))) + sum(map(count, dict.fromkeys(questions)))
    return Estimate(tokens, endpoint.usage(model, tokens, 0).cost_usd)


def _times(chunking: ChunkingSpec) -> float:
    """How often each character is embedded at most: neighbours share their overlap, `semantic` reads sentences too."""
    # Of small to big only the children are embedded.
    size = chunking.child if chunking.method == "small-to-big" else chunking.size
    # Each chunk brings `size - overlap` new units. `semantic` embeds every sentence besides.
    return size / (size - chunking.overlap) + (chunking.method == "semantic")
