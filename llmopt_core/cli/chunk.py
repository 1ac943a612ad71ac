"""`llmopt chunk`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import EncodingOption, JsonOption, MainOnlyOption, note_losses, one_line, print_result

if TYPE_CHECKING:
    from llmopt_core.chunking.spec import ChunkingSpec
    from llmopt_core.types import Chunk, Document


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Cut documents into chunks and show where each stands.")(chunk)


def chunk(
    path: Annotated[Path, typer.Argument(help="A document, or a folder of documents.")],
    *,
    method: Annotated[
        str, typer.Option(help="recursive, fixed, sentence, structure, semantic, small-to-big.")
    ] = "recursive",
    size: Annotated[int, typer.Option(help="Largest chunk, in units.")] = 200,
    overlap: Annotated[int, typer.Option(help="Units that neighbours share.")] = 0,
    unit: Annotated[str, typer.Option(help="tokens (of the embedding model), cl100k or characters.")] = "tokens",
    encoding: EncodingOption = "",
    main_only: MainOnlyOption = False,
    json: JsonOption = "",
) -> None:
    """Cut documents."""
    from llmopt_core.documents.load import load_documents

    spec = _spec(method=method, size=size, overlap=overlap, unit=unit)
    documents = load_documents([path], encoding=encoding, main_only=main_only)
    # Before the chunks: a page without text explains why there are few.
    note_losses(documents)
    chunks = _chunks(documents, spec)
    settings = {"method": method, "size": size, "overlap": overlap, "unit": unit}
    by_name = {document.name: document for document in documents}
    lines = [f"{item.document}\t{item.start}-{item.end}\t{one_line(item.text)}" for item in chunks]
    lines.append(f"{len(chunks)} chunks of {len(documents)} documents")
    value = {"settings": settings, "chunks": [_values(item, by_name[item.document]) for item in chunks]}
    print_result("\n".join(lines), value, json)


def _spec(**values: Any) -> ChunkingSpec:
    from pydantic import ValidationError

    from llmopt_core.chunking.spec import ChunkingSpec
    from llmopt_core.errors import BadInput, field_problem

    try:
        return ChunkingSpec.model_validate(values)
    except ValidationError as error:
        # Whatever is wrong with the values, the first fault is enough to go on; it is told by the name of its option.
        first = error.errors(include_url=False)[0]
        option = f"--{first['loc'][0]}: " if first["loc"] else ""
        # `from None`: the list of pydantic says nothing more to a user.
        raise BadInput(f"{option}{field_problem(first)}.") from None


def _chunks(documents: list[Document], spec: ChunkingSpec) -> list[Chunk]:
    from llmopt_core.chunking.chunk import chunk_documents

    # Other methods need no vectors, so no model is loaded, which takes seconds.
    if spec.method != "semantic":
        return chunk_documents(documents, spec)
    from llmopt_core.models.base import EmbeddingSpec
    from llmopt_core.models.registry import Models
    from llmopt_core.settings import Settings

    embedder = Models(Settings.from_environment()).embedder(EmbeddingSpec())
    return chunk_documents(documents, spec, embedder.encode)


def _values(item: Chunk, document: Document) -> dict[str, Any]:
    values: dict[str, Any] = {
        "document": item.document,
        "start": item.start,
        "end": item.end,
        "text": item.text,
        "heading": item.heading,
    }
    # None for formats without pages.
    page = document.page_at(item.start)
    if page is not None:
        values["page"] = page
    # Only small-to-big has one: what is searched is smaller than what is handed over.
    if item.parent is not None:
        values["parent"] = {"document": item.parent.document, "start": item.parent.start, "end": item.parent.end}
    return values
