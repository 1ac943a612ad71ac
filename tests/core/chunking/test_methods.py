import numpy as np
import pytest
from pydantic import ValidationError

from llmopt_core.chunking.chunk import chunk_document, chunk_documents, spans
from llmopt_core.chunking.headings import Headings
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.text.sentences import sentence_spans
from llmopt_core.types import Document, Span

HANDBOOK = """Preface line.

# Handbook

## Leave

Staff get 25 days.

### Parents

Sixteen weeks.

## Travel ##

```python
# not a heading
```

Costs are paid.

Pay
===

On the first.
"""


def pieces(text: str, **values) -> list[str]:
    return [text[a:b] for a, b in spans(text, ChunkingSpec(**values))]


def test_fixed_windows_of_characters():
    assert pieces("abcdefghij", method="fixed", size=4, unit="characters") == ["abcd", "efgh", "ij"]
    assert pieces("abcdefghij", method="fixed", size=4, overlap=2, unit="characters") == [
        "abcd", "cdef", "efgh", "ghij"
    ]  # fmt: skip


@pytest.mark.parametrize("unit", ["tokens", "cl100k"])
def test_fixed_windows_hold_exactly_so_many_tokens(unit):
    text = "The quick brown fox jumps over the lazy dog. " * 30
    spec = ChunkingSpec(method="fixed", size=50, overlap=10, unit=unit)
    starts = [a for a, _ in tokenizer(spec.length_unit).offsets(text)]
    found = spans(text, spec)
    for number, (start, end) in enumerate(found[:-1]):
        assert sum(start - 1 <= at < end for at in starts) == 50
        assert starts[number * 40] in (start, start - 1)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [("Dr. Smith came. He left at 3.14 p.m. on Monday! Did he?", ["Dr. Smith came.", "He left at 3.14 p.m. on Monday!",
                                                                 "Did he?"]),
     ("See e.g. Fig. 3 of J. R. Brown. \"Yes.\" (No.) ok", ["See e.g. Fig. 3 of J. R. Brown.", "\"Yes.\"", "(No.) ok"]),
     ("华沙很大。它是“首都”！真的吗？是的", ["华沙很大。", "它是“首都”！", "真的吗？", "是的"]),
     ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
     ("Wait... what? No", ["Wait... what?", "No"]),
     ("A list:\n- one\n- two\n\nEnd\nof it", ["A list:", "- one", "- two", "End\nof it"]),
     ("هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."])],
)  # fmt: skip
def test_sentences(text, sentences):
    assert [text[a:b].strip() for a, b in sentence_spans(text)] == sentences


def test_sentences_are_packed_whole_and_long_ones_cut_at_clauses():
    text = "One two. Three four. Five six seven, eight nine ten, eleven twelve. End."
    assert pieces(text, method="sentence", size=22, unit="characters") == [
        "One two. Three four.", "Five six seven,", "eight nine ten,", "eleven twelve. End."
    ]  # fmt: skip
    assert pieces(text[:20], method="sentence", size=19, overlap=12, unit="characters") == ["One two.", "Three four."]


def test_sentence_overlap_repeats_whole_sentences():
    text = "Aa bb. Cc dd. Ee ff. Gg hh."
    assert pieces(text, method="sentence", size=14, overlap=7, unit="characters") == [
        "Aa bb. Cc dd.", "Cc dd. Ee ff.", "Ee ff. Gg hh."
    ]  # fmt: skip


def test_structure_gives_sections_with_their_path():
    chunks = chunk_document(Document("h.md", HANDBOOK), ChunkingSpec(method="structure", size=100))
    assert [(c.heading, c.text.split("\n")[0]) for c in chunks] == [
        ("", "Preface line."),
        ("Handbook", "# Handbook"),
        ("Handbook > Leave > Parents", "### Parents"),
        ("Handbook > Travel", "## Travel ##"),
        ("Pay", "Pay"),
    ]
    assert chunks[1].text.endswith("Staff get 25 days.")


def test_a_long_section_is_split_inside_itself():
    text = "# A\n\n" + "word " * 100 + "\n\n# B\n\nshort"
    chunks = chunk_document(Document("d", text), ChunkingSpec(method="structure", size=50))
    assert len(chunks) > 3
    assert {c.heading for c in chunks[:-1]} == {"A"}
    assert (chunks[-1].heading, chunks[-1].text) == ("B", "# B\n\nshort")


def test_every_method_tells_the_heading():
    document = Document("h.md", HANDBOOK)
    for method in ("recursive", "fixed", "sentence"):
        chunks = chunk_document(document, ChunkingSpec(method=method, size=8))
        assert next(c for c in chunks if "Sixteen" in c.text).heading.startswith("Handbook > Leave")


@pytest.mark.parametrize(
    "text", ["#hashtag\n", "####### seven\n", "---\ntitle: x\n---\n", "a\n\n---\n\nb", "#\n", "`#` x"]
)
def test_what_is_no_heading(text):
    assert Headings(text).all == []


def test_semantic_cuts_where_the_topic_turns():
    cats, ships = (
        "Cats purr softly. Cats sleep all day. Cats eat fish. ",
        "Ships sail far. Ships carry coal. Ships sink.",
    )
    text = cats + ships

    def encode(texts):
        rows = np.array([[t.count("Cats"), t.count("Ships")] for t in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    spec = ChunkingSpec(method="semantic", size=200, breakpoint_percentile=75, unit="characters")
    matches = [c.text for c in chunk_document(Document("d", text), spec, encode)]
    assert matches[0].startswith("Cats purr")
    assert matches[-1].endswith("Ships sink.")
    assert len(matches) == 2
    capped = chunk_document(Document("d", text), spec.model_copy(update={"size": 36}), encode)
    assert max(len(c.text) for c in capped) <= 36


def test_semantic_needs_an_embedding_model():
    with pytest.raises(BadInput, match="needs an embedding model"):
        spans("One. Two. Three.", ChunkingSpec(method="semantic"))


def test_small_to_big_names_the_parent():
    text = "\n\n".join(f"Sentence number {i} is here. " * 4 for i in range(8))
    spec = ChunkingSpec(method="small-to-big", size=240, child_size=60, unit="characters")
    chunks = chunk_document(Document("d", text), spec)
    parents = list(dict.fromkeys(c.parent for c in chunks))
    assert [text[p.start : p.end] for p in parents] == pieces(text, size=240, unit="characters")
    assert all(len(c.text) <= 60 for c in chunks)
    assert isinstance(chunks[0].parent, Span)
    assert chunks[0].parent.document == "d"


def test_many_documents_keep_their_order_and_names():
    documents = [Document("b", "Text of b."), Document("a", "  "), Document("c", "Text of c.")]
    assert [c.id for c in chunk_documents(documents, ChunkingSpec())] == ["b:0-10", "c:0-10"]


@pytest.mark.parametrize(
    ("values", "why"),
    [({"size": 0}, "size"), ({"overlap": 200}, "overlap 200 must be smaller"), ({"overlap": -1}, "overlap"),
     ({"method": "magic"}, "method"), ({"colour": 1}, "colour"), ({"separators": ()}, "separators"),
     ({"method": "small-to-big", "child_size": 200}, "child_size 200 must be smaller"),
     ({"method": "small-to-big", "overlap": 50}, "overlap 50 must be smaller than the chunk size 50")],
)  # fmt: skip
def test_wrong_settings_are_refused(values, why):
    with pytest.raises(ValidationError, match=why):
        ChunkingSpec(**values)


def test_an_unknown_tokenizer_is_named():
    with pytest.raises(BadInput, match="no tokenizer named 'gpt-9'"):
        spans("text", ChunkingSpec(tokenizer="gpt-9"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("method", ["structure", "sentence", "recursive", "fixed"])
@pytest.mark.parametrize(
    "line", ["# Station" + " " * 100_000 + "x", "# Station" + "\t" * 100_000 + "x #", "a" + "." * 200_000 + "x"]
)
def test_long_runs_of_one_character_take_no_longer_than_other_text(method, line):
    text = f"{line}\n\nThe harbour was built in 1712."
    chunks = chunk_document(Document("wide", text), ChunkingSpec(method=method, size=1_000_000, unit="characters"))
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(0, len(text))] or method == "structure"
    assert chunks[-1].text.endswith("The harbour was built in 1712.")
