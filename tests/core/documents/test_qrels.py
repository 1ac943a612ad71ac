"""Judgements beside a question file, as BEIR and TREC keep them."""

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.documents.qrels import read_qrels, with_judgements
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.types import Document, Span

CORPUS = load_bytes(
    "corpus.jsonl",
    b'{"_id": "d/1", "title": "", "text": "The pier opened in 1887."}\n{"_id": "d2", "title": "", "text": "Boats."}',
)
QUERIES = read_questions(
    b'{"_id": "q1", "text": "When?"}\n{"_id": "q2", "text": "What?"}\n{"_id": "q3", "text": "Who?"}', "queries.jsonl"
)
BEIR = b"query-id\tcorpus-id\tscore\nq1\td/1\t1\nq1\td2\t0\nq3\tgone\t2\n"
TREC = b"q1 0 d/1 1\nq1 0 d2 0\nq3 0 gone 2\n"


@pytest.mark.parametrize("data", [BEIR, TREC])
def test_documents_that_answer_are_the_sources(data):
    result = with_judgements(QUERIES, read_qrels(data, "test.tsv"), CORPUS)
    values = {example.id: example.references for example in result.evaluation_set.examples}
    assert values == {"q1": (Span("corpus.jsonl/d/1", 0, len(CORPUS[0].text)),), "q3": ()}
    assert result.notes == (
        "1 questions without a judgement were left out.",
        "1 judged documents are not among the documents, such as gone.",
    )


def test_files_go_by_their_names():
    (plain,) = load_bytes("pier.txt", b"The pier opened in 1887.")
    result = with_judgements(QUERIES, read_qrels(b"q1 0 pier 1\n"), [plain])
    assert result.evaluation_set.examples[0].references == (Span("pier.txt", 0, len(plain.text)),)


def _named(*names):
    return [Document(name, f"Text of {name}.") for name in names]


@pytest.mark.parametrize(
    ("names", "judged", "taken", "told"),
    [
        (("x/a.txt", "y/a.md"), "a", "x/a.txt", "1 judged id stands for several documents, such as a (x/a.txt"),
        (("x/a.txt", "y/a.txt"), "a.txt", "x/a.txt", "such as a.txt (x/a.txt and y/a.txt)"),
        (("a.txt", "a.md"), "a", "a.txt", "such as a (a.txt and a.md)"),
        (("one.jsonl/d", "two.jsonl/d"), "d", "one.jsonl/d", "such as d (one.jsonl/d and two.jsonl/d)"),
        (("x/a.txt", "y/a.md"), "y/a.md", "y/a.md", ""),
        (("x/a.txt", "y/a.md"), "a.md", "y/a.md", ""),
        (("x/a.txt", "a.txt"), "a.txt", "a.txt", ""),
        (("x/a.txt", "a"), "a", "a", ""),
        (("x/a.txt", "y/a.md", "b.txt"), "b", "b.txt", ""),
    ],
)
def test_an_id_of_several_documents_is_told_as_unsure(names, judged, taken, told):
    result = with_judgements(QUERIES, read_qrels(f"q1 0 {judged} 1\n".encode()), _named(*names))
    assert [span.document for span in result.evaluation_set.examples[0].references] == [taken]
    doubts = [note for note in result.notes if "not sure" in note]
    assert [told in doubt for doubt in doubts] == [True] * bool(told)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"query-id\tcorpus-id\tscore\n", "test.tsv holds no judgements"),
        (b"q1\td1\t1\nq1\td1\n", "test.tsv line 2: expected query-id, corpus-id and a score"),
    ],
)
def test_what_is_no_judgement_is_refused(data, told):
    with pytest.raises(BadInput, match=told):
        read_qrels(data, "test.tsv")


def test_judgements_of_other_questions_are_refused():
    with pytest.raises(BadInput, match="the ids of the judgements are others, such as 'z9'"):
        with_judgements(QUERIES, read_qrels(b"z9 0 d2 1"), CORPUS)
