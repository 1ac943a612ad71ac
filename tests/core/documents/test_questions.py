import json
from pathlib import Path

import pytest

from llmopt_core.documents.load import load_documents
from llmopt_core.documents.questions import load_questions, read_questions
from llmopt_core.errors import BadInput
from llmopt_core.types import Document, Span

DOCUMENTS = [
    Document("norway.md", "Oslo is the capital of Norway. The fjords are deep."),
    Document("sub/france.txt", "Paris is the capital\nof France — “the city of light”. Paris is big."),
]
SAMPLE = Path(__file__).parents[3] / "sample_data"


def lines(*rows: dict) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def test_a_full_line_is_read():
    row = {"id": "q1", "question": " Which capital? ", "reference": "Oslo", "category": "what", "level": 3,
           "references": [{"document": "norway.md", "start": 0, "end": 4}]}  # fmt: skip
    example = load_questions(lines(row), "set.jsonl", DOCUMENTS).examples[0]
    assert (example.id, example.question, example.reference) == ("q1", "Which capital?", "Oslo")
    assert example.references == (Span("norway.md", 0, 4),)
    assert (example.category, example.variables) == ("what", {"level": 3})


def test_only_the_question_is_required():
    questions = load_questions(b'{"question": "a"}\n\n{"question": "b"}', "set.jsonl")
    assert questions.name == "set"
    assert [(e.id, e.question, e.reference, e.references) for e in questions.examples] == [
        ("1", "a", None, ()),
        ("3", "b", None, ()),
    ]


def test_csv_says_the_same_as_jsonl():
    table = 'id;question;reference;document;start;end;level\n7;"Which\ncapital?";Oslo;norway;0;4;x\n8;Why?;;;;;\n'
    first, second = load_questions(table.encode("utf-8-sig"), "q.csv", DOCUMENTS).examples
    assert (first.id, first.question, first.references) == ("7", "Which\ncapital?", (Span("norway.md", 0, 4),))
    assert first.variables == {"level": "x"}
    assert (second.id, second.reference, second.references, second.variables) == ("8", None, (), {})


def test_chunking_evaluation_files_are_read():
    table = (
        "question,references,corpus_id\n"
        'Which?,"[{""content"": ""Oslo"", ""start_index"": 0, ""end_index"": 4}]",norway\n'
    )
    assert load_questions(table.encode(), "q.csv", DOCUMENTS).examples[0].references == (Span("norway.md", 0, 4),)


def test_names_of_other_tools_are_taken():
    example = load_questions(b'{"user_input": "a", "ground_truth": "b", "question_id": 5}', "q.jsonl").examples[0]
    assert (example.id, example.question, example.reference) == ("5", "a", "b")


@pytest.mark.parametrize(
    ("quote", "stands", "exact"),
    [("capital of Norway", "capital of Norway", True), ("CAPITAL  of\nfrance", "capital\nof France", True),
     ('"the city of light"', "“the city of light”", True), ("The fiords are dep", "The fjords are deep", False)],
)  # fmt: skip
def test_quotes_are_resolved_and_reported(quote, stands, exact):
    row = {"id": "q", "question": "x", "references": [{"quote": quote}]}
    questions = read_questions(lines(row), "q.jsonl", DOCUMENTS)
    span = questions.evaluation_set.examples[0].references[0]
    text = next(d.text for d in DOCUMENTS if d.name == span.document)
    assert text[span.start : span.end] == stands
    assert (questions.quotes[0].match.text, questions.quotes[0].match.exact) == (stands, exact)
    assert (questions.quotes[0].example_id, questions.quotes[0].quote) == ("q", quote)


def test_a_quote_is_searched_in_its_document_and_counted():
    row = {"question": "x", "document": "france", "quote": "Paris"}
    questions = read_questions(lines(row), "q.jsonl", DOCUMENTS)
    assert questions.quotes[0].match.places == 2
    assert questions.evaluation_set.examples[0].references == (Span("sub/france.txt", 0, 5),)


@pytest.mark.parametrize(
    ("quote", "text"),
    [("art", "A party of Bartok's starts."), ("Art", "PARTY, cart, arts"), ("2", "In 2015 and at 12."),
     ("is art", "This artist paints."), ("Ra", "Ragusa\nin Serra"), ("é", "Café")],
)  # fmt: skip
def test_a_short_quote_does_not_stand_inside_other_words(quote, text):
    with pytest.raises(BadInput, match="does not stand in any document"):
        read_questions(lines({"question": "x", "quote": quote}), "q.jsonl", [Document("d", text)])


@pytest.mark.parametrize(
    ("quote", "text", "start", "places"),
    [
        ("art", "A party of Bartok: art! Art and art.", 19, 2),
        ("ART", "A party of\nart.", 11, 1),
        ("a a", "xa a a", 3, 1),
        ("10 %", "110 % or 10 %5", 9, 1),
        ("C++", "MC++ or C++", 8, 1),
        ("北京", "他在北京住", 2, 1),
        ("กรุง", "ในกรุงเทพ", 2, 1),
        ("“art", "party “art”", 6, 1),
        ("art", "party of _art_", 10, 1),
    ],
)
def test_a_short_quote_is_found_as_whole_words(quote, text, start, places):
    questions = read_questions(lines({"question": "x", "quote": quote}), "q.jsonl", [Document("d", text)])
    match = questions.quotes[0].match
    assert (match.span.start, match.places, match.exact) == (start, places, True)


def test_a_quote_whose_edges_were_cut_is_found():
    text = "Before. The harbour was built in 1712 by the merchants of the town. After."
    cut = "e harbour was built in 1712 by the merchants of the tow"
    (quote,) = read_questions(lines({"question": "x", "quote": cut}), "q.jsonl", [Document("d", text)]).quotes
    assert (quote.match.text, quote.match.exact) == (cut, True)
    (short,) = read_questions(lines({"question": "x", "quote": cut[:24]}), "q.jsonl", [Document("d", text)]).quotes
    assert (short.match.text, short.match.exact) == ("The harbour was built in 1712", False)


REFERENCE = {"document": "norway.md", "start": 0, "end": 4}


@pytest.mark.parametrize(
    ("row", "why"),
    [({"id": "x"}, "no `question`; found id"), ({"question": " "}, "`question` is empty"),
     ({"question": None}, "`question` is empty"),
     ({"question": 5}, "`question` is not a text"),
     ({"question": "a", "reference": [["b"]]}, "`reference` is not a text"),
     ({"question": "a", "answers": {"b": 1}}, "`answers` is not a text"),
     ({"question": "a", "id": "1"}, "the id '1' stands on line 1 too"),
     ({"question": "a", "references": "x"}, "`references` is not JSON"),
     ({"question": "a", "references": {}}, "`references` is not a list"),
     ({"question": "a", "references": ["x"]}, "not an object"),
     ({"question": "a", "references": [{"start": 0, "end": 1}]}, "does not name its `document`"),
     ({"question": "a", "references": [REFERENCE | {"document": "x.md"}]}, "no document 'x.md'; .*norway.md"),
     ({"question": "a", "references": [REFERENCE | {"end": 52}]}, "0 to 52 lies outside norway.md, which has 51"),
     ({"question": "a", "references": [REFERENCE | {"start": -1}]}, "outside"),
     ({"question": "a", "references": [REFERENCE | {"start": 4}]}, "outside"),
     ({"question": "a", "references": [REFERENCE | {"start": "x"}]}, "no whole number as `start`"),
     ({"question": "a", "references": [REFERENCE | {"end": True}]}, "no whole number as `end`"),
     ({"question": "a", "references": [REFERENCE | {"page": 4}]}, "unknown key `page`"),
     ({"question": "a", "references": [REFERENCE | {"content": "Rome"}]}, "holds 'Oslo', not 'Rome'"),
     ({"question": "a", "references": [{"quote": "nothing like this anywhere"}]}, "does not stand in any document"),
     ({"question": "a", "references": [{"quote": ""}]}, "`quote` is empty")],
)  # fmt: skip
def test_mistakes_name_file_and_line(row, why):
    data = lines({"question": "good"}, {"question": "good", "id": "2"}, row)
    with pytest.raises(BadInput, match=rf"^set\.jsonl line 3: .*{why}"):
        load_questions(data, "set.jsonl", DOCUMENTS)


def test_all_mistakes_are_kept_and_the_first_told():
    data = b"\n".join(b'{"question": ""}' for _ in range(5)) + b"\n{broken"
    with pytest.raises(BadInput, match=r"line 1: .*; line 2: .*; line 3: .*; and 3 more problems\.$") as error:
        load_questions(data, "q.jsonl")
    assert [problem.line for problem in error.value.problems] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [(b"", "q.csv", "is empty"),
     (b"id,answer\n1,x\n", "q.csv", "line 1: the column `question` is missing; found id, answer"),
     (b"question\n", "q.csv", "holds no questions"),
     (b"question,question\na,b", "q.csv", "`question` stands there twice"),
     (b"question,id\na,1\nb,c,d\n", "q.csv", "line 3: 3 cells for 2 columns"),
     (b"question,id\na,1\nb\n", "q.csv", "line 3: only 1 cells for 2 columns"),
     (b'question,id\n"a,1\nb,2\n', "q.csv", "line 2: .*unclosed quote"),
     (b'{"question": "a"}\n{"question": }', "q.jsonl", "line 2: broken JSON at character 14"),
     (b'[{"question": "a"},\n5]', "q.json", "entry 2: expected an object in braces, found int"),
     (b'[{"question": "a"},\n{"question": }]', "q.json", "line 2: broken JSON at character 14"),
     (b"{}\n", "q.jsonl", "line 1: no `question`; found nothing")],
)  # fmt: skip
def test_broken_files_name_the_line(data, name, why):
    with pytest.raises(BadInput, match=rf"^{name} .*{why}"):
        load_questions(data, name)


def test_a_quote_needs_documents():
    with pytest.raises(BadInput, match="only be looked up together with the documents"):
        load_questions(b'{"question": "a", "references": [{"document": "d", "quote": "x"}]}', "q.jsonl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"absent\.jsonl cannot be read"):
        load_questions(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(("folder", "count"), [(SAMPLE, 48), (SAMPLE / "zh", 20)])
def test_the_sample_project_is_exact(folder, count):
    documents = {d.name: d for d in load_documents([folder / "documents"])}
    examples = load_questions(folder / "questions.jsonl", documents=list(documents.values())).examples
    assert len(examples) == count
    for example in examples:
        span = example.references[0]
        assert documents[span.document].text[span.start : span.end] == example.reference


@pytest.mark.parametrize(("before", "newline"), [("\ufeff", "\n"), ("", "\r\n"), ("\ufeff", "\r\n")])
def test_offsets_counted_in_a_file_with_marks_that_no_text_keeps(tmp_path: Path, before: str, newline: str):
    """A byte order mark and carriage returns count for who made the offsets; the quoted content tells."""
    raw = before + newline.join(["first line", "second line", "the end"])
    (tmp_path / "notes.txt").write_bytes(raw.encode())
    rows = [
        {"question": q, "references": [{"document": "notes.txt", "start": raw.index(q), "end": raw.index(q) + len(q),
                                        "content": q}]}
        for q in ("first", "second line", "the end")
    ]  # fmt: skip
    (document,) = load_documents([tmp_path / "notes.txt"])
    questions = load_questions(lines(*rows), "set.jsonl", [document])
    assert [document.text[r.start : r.end] for e in questions.examples for r in e.references] == [
        "first", "second line", "the end",
    ]  # fmt: skip


def test_another_shift_is_a_mistake():
    row = {"question": "q", "references": [{"document": "norway.md", "start": 3, "end": 7, "content": "Oslo"}]}
    with pytest.raises(BadInput, match="holds 'o is', not 'Oslo'"):
        load_questions(lines(row), "set.jsonl", DOCUMENTS)
