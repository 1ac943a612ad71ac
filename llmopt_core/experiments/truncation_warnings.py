"""Chunks and questions that are longer than what the embedding model reads: said, since nothing else shows it."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.chunking.window import Window, measure_truncation, window_of
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Chunk, Document

# No tokenizer makes more of a character: four bytes.
_MOST_PER_CHARACTER = 4


def window_note(
    retrieval: RetrievalSpec, chunks: Sequence[Chunk], documents: Sequence[Document], models: Models
) -> str:
    """One sentence where chunks are longer than the window of the embedding model; else empty. Loads no model."""
    window = _window(retrieval, models)
    if window is None or retrieval.embedding.writer_model is not None:
        return ""
    # Only what may be too long is counted in tokens: nearly every chunk is far too short for it.
    long = [chunk for chunk in chunks if _MOST_PER_CHARACTER * len(chunk.text) > window.tokens]
    if not long:
        return ""
    texts = {document.name: document.text for document in documents}
    truncation = measure_truncation(long, texts, window.tokenizer, window.tokens)
    if not truncation.truncated_chunks:
        return ""
    share = truncation.truncated_characters / sum(len(chunk.text) for chunk in chunks)
    return (
        f"{truncation.truncated_chunks:,} of {len(chunks):,} chunks are longer than the {window.tokens:,} tokens that "
        f"{retrieval.embedding.model.rsplit('/', 1)[-1]} reads: {100 * share:.2g} % of the text is not found by "
        "meaning. Take smaller chunks."
    )


def question_note(retrieval: RetrievalSpec, questions: Sequence[str], models: Models) -> str:
    """One sentence where questions are longer than the window of the embedding model; else empty. Loads no model."""
    window = _window(retrieval, models)
    if window is None:
        return ""
    before = models.prefixes(retrieval.embedding).query
    # With what the model puts before a question, which takes of its window.
    texts = {str(n): before + question for n, question in enumerate(questions)}
    question_chunks = [Chunk(name, 0, len(text), text) for name, text in texts.items()]
    long = [chunk for chunk in question_chunks if _MOST_PER_CHARACTER * len(chunk.text) > window.tokens]
    truncation = measure_truncation(long, texts, window.tokenizer, window.tokens) if long else None
    if truncation is None or not truncation.truncated_chunks:
        return ""
    name = retrieval.embedding.model.rsplit("/", 1)[-1]
    predicate = f"longer than the {window.tokens:,} tokens that {name} reads"
    if len(questions) == 1:
        return (
            f"The question is {predicate}: its last {truncation.truncated_characters:,} of {len(questions[0]):,} "
            "characters are not searched for by meaning. Ask for less at once, or search by words too."
        )
    verb = "is" if truncation.truncated_chunks == 1 else "are"
    return (
        f"{truncation.truncated_chunks:,} of {len(questions):,} questions {verb} {predicate}: what follows is not "
        "searched for by meaning. Shorten them, or search by words too."
    )


def _window(retrieval: RetrievalSpec, models: Models) -> Window | None:
    """What the embedding model reads; None where nothing is searched by meaning, or only loading tells."""
    tokens = None if retrieval.search.method == "bm25" else models.window(retrieval.embedding)
    return None if tokens is None else window_of(retrieval.embedding, tokens)
