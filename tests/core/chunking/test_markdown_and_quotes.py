import pytest

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.headings import Headings
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.text.sentences import sentence_spans
from llmopt_core.types import Document


def paths(text: str) -> list[tuple[str, ...]]:
    return [heading.path for heading in Headings(text).all]


def sentences(text: str) -> list[str]:
    return [text[a:b].strip() for a, b in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("# C#\n\ntext", [("C#",)]), ("# Closed ##\n\n# Open #hash", [("Closed",), ("Open #hash",)]),
     ("   ## Indented ###\n\n    # code", [("Indented",)]), ("#none\n\n# \n\n####### none", []),
     ("```\n# a\n ```\n# b", [("b",)]), ("   ~~~\n# a\n   ~~~\n# b", [("b",)]), ("``` `x` ```\n# b", [("b",)]),
     ("---\ntitle: x\n# note\n---\n# b", [("b",)]), ("---\n\n# b", [("b",)]),
     ("<!-- hidden\n# a\n-->\n# b", [("b",)]), ("<!-- never closed\n# b", [("b",)]),
     ("# wide" + " " * 4000 + "words", [("wide words",)]), ("Title\n=", [("Title",)])],
)  # fmt: skip
def test_headings_are_those_of_commonmark(text, expected):
    assert paths(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("„Ist das so?“ Anna ging. »Ja!« Er blieb.", ["„Ist das so?“", "Anna ging.", "»Ja!«", "Er blieb."]),
     ("‚Gut.‘ Dann kam er.", ["‚Gut.‘", "Dann kam er."]),
     ("Er kommt am 3. Mai, z. B. Peter, i. d. R. Anna. Ende.",
      ["Er kommt am 3. Mai, z. B. Peter, i. d. R. Anna.", "Ende."]),
     ("Gemäß Art. 3 Abs. 2 Nr. 5 gilt das. Im 2. Stock wohnt sie.",
      ["Gemäß Art. 3 Abs. 2 Nr. 5 gilt das.", "Im 2. Stock wohnt sie."]),
     ("Am 3. 4. 2021 kam er, vgl. Abbildung 4. Es waren 12. Dann ging er.",
      ["Am 3. 4. 2021 kam er, vgl. Abbildung 4.", "Es waren 12.", "Dann ging er."]),
     ("I am 12. He liked art. Then he said no.", ["I am 12.", "He liked art.", "Then he said no."]),
     ("他走了。“为什么？”她问。", ["他走了。", "“为什么？”", "她问。"]),
     ("「はい。」と答えた。次の文。", ["「はい。」と答えた。", "次の文。"]),
     ("「行きますか？」「はい。」", ["「行きますか？」", "「はい。」"]),
     ("他说：“你好！”然后走了。再见？！好。", ["他说：“你好！”", "然后走了。", "再见？！", "好。"]),
     ("“走吧。”，他说。完。", ["“走吧。”，他说。", "完。"]),
     ('He said "Go." Then left.', ['He said "Go."', "Then left."])],
)  # fmt: skip
def test_sentences_end_after_the_quotes_of_their_language(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize("method", ["recursive", "fixed", "sentence", "structure", "small-to-big"])
@pytest.mark.parametrize("line", ["| {} | {} |", "{} | {}"])
def test_every_chunk_of_a_long_table_has_its_column_names(method, line):
    rule = "|---|:-:|\n" if line.startswith("|") else ""
    rows = "\n".join(line.format(f"Port {i}", 10 * i) for i in range(60))
    text = f"# Fees\n\nBefore.\n\n{line.format('Ship type', 'Fee EUR')}\n{rule}{rows}\n\nAfter the table."
    chunks = chunk_document(Document("a.md", text), ChunkingSpec(method=method, size=60))
    inside = [chunk for chunk in chunks if "Port" in chunk.text]
    assert len(inside) > 2
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
    for chunk in inside:
        assert "Fee EUR" in chunk.text or chunk.heading == "Fees > columns: Ship type | Fee EUR"
        assert "Ship type | Fee EUR" in chunk.full_text
    assert chunks[-1].heading == "Fees" or "Port" in chunks[-1].text


def test_a_bar_in_a_sentence_makes_no_table():
    text = "# A\n\nEither a | b or c.\n\nThe command is x | y.\n\nEnd."
    assert {c.heading for c in chunk_document(Document("a", text), ChunkingSpec(size=5))} == {"A"}


@pytest.mark.parametrize(
    "text",
    ["+++\ntitle = 'x'\n# comment\n+++\n\n# Real", "<pre>\n# not\n</pre>\n\n# Real", "<style>\n# a\n</style>\n# Real",
     "<script>\n# a\n</script>\n# Real"],
)  # fmt: skip
def test_settings_and_raw_html_hold_no_headings(text):
    assert [heading.path for heading in Headings(text).all] == [("Real",)]


def test_raw_html_that_is_never_closed_hides_nothing():
    assert [heading.path for heading in Headings("<pre>a\n\n# Real").all] == [("Real",)]
