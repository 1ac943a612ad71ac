"""Every chunk of a long table knows its columns."""

import pytest

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.documents.load import load_bytes
from llmopt_core.types import Document

METHODS = ("recursive", "fixed", "sentence", "structure", "small-to-big")
LONG = "The pier is old and the guests pay in advance. " * 12


def chunks(document: Document, method: str):
    return chunk_document(document, ChunkingSpec(method=method, size=240, unit="characters"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("bar", "dashes"), [(" | ", "---|---|---"), ("|", "---|---|---"), ("|", ":-:|--|--:")])
def test_markdown_tables_without_bars_at_their_ends(bar, dashes, method):
    rows = [bar.join((f"Harbour {n}", str(n), f"Captain {n}")) for n in range(40)]
    text = "\n".join([bar.join(("Port", "Fee", "Master")), dashes, *rows])
    found = chunks(Document("a.md", text), method)
    assert len(found) > 4
    for chunk in found[1:]:
        assert chunk.heading == "columns: Port | Fee | Master" or "Port" in chunk.text


@pytest.mark.parametrize("method", METHODS)
def test_a_chunk_that_begins_inside_a_row_has_the_names_of_the_columns(method):
    rows = "\n".join(f'Harbour {n},{n},"{LONG}\n\n{LONG}"' for n in range(4))
    found = chunks(load_bytes("a.csv", f"Port,Fee,Note\n{rows}".encode())[0], method)
    assert len(found) > 12
    for chunk in found:
        assert chunk.text.startswith("Port: ") or chunk.heading == "columns: Port | Fee | Note"


def test_prose_with_colons_is_no_table():
    text = "\n\n".join(f"Note: {LONG}\n\nIt is so." for _ in range(5)) + "\n\na | b\n\nc | d"
    assert {chunk.heading for chunk in chunks(Document("a.txt", text), "recursive")} == {""}
