"""Passages to ask about, sampled from the documents."""

from __future__ import annotations

import random
from collections.abc import Sequence

from llmopt_core.chunking.chunk import spans
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.types import Document, Span


def sample_passages(documents: Sequence[Document], count: int, size: int, seed: int) -> list[Span]:
    """At most `count` passages, chosen by chance; the same seed gives the same ones.

    Documents are cut at paragraphs and sentences into passages of about `size` characters; longer documents have more
    of them, so that every passage is as likely as any other. Scraps of less than a quarter are left out where there is
    enough else.
    """
    # Characters: the same passages whichever model writes.
    spec = ChunkingSpec(size=size, unit="characters")
    all_passages = [Span(document.name, *span) for document in documents for span in spans(document.text, spec)]
    # A quarter: ends of documents hold a heading or half a sentence, and give questions about nothing.
    whole = [span for span in all_passages if span.end - span.start >= size // 4]
    pool = whole if len(whole) >= min(count, len(all_passages)) else all_passages
    # Numbers are drawn instead of spans, so that the order of the documents can be kept.
    positions = random.Random(seed).sample(range(len(pool)), min(count, len(pool)))
    return [pool[i] for i in sorted(positions)]
