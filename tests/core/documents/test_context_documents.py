"""Paragraphs that come with questions, as SQuAD and Hugging Face keep them, become documents."""

import json

import pytest

from llmopt_core.documents.context_documents import context_documents
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_import import read_with_paragraphs
from llmopt_core.runs.question_splits import make_plan
from llmopt_core.types import Document


def squad(titles: int = 4) -> bytes:
    """Each title has two paragraphs, each paragraph two questions."""
    data = []
    for t in range(titles):
        paragraphs = []
        for p in range(2):
            context = f"The pier of town {t} opened in {1800 + 10 * t + p}. It is {100 + t} m long."
            answers = [
                (f"When did pier {t}.{p} open?", str(1800 + 10 * t + p)),
                (f"How long is {t}.{p}?", f"{100 + t} m"),
            ]
            qas = [
                {"id": f"{t}-{p}-{i}", "question": q, "answers": [{"text": a, "answer_start": context.index(a)}]}
                for i, (q, a) in enumerate(answers)
            ]
            paragraphs.append({"context": context, "qas": qas})
        data.append({"title": f"Town/{t}", "paragraphs": paragraphs})
    return json.dumps({"data": data}).encode()


def test_each_title_is_a_document_and_every_answer_has_its_place() -> None:
    found, documents = read_with_paragraphs(lambda known: read_questions(squad(), "towns.json", known), [], "towns")
    assert [document.name for document in documents] == ["Town-0.txt", "Town-1.txt", "Town-2.txt", "Town-3.txt"]
    texts = {document.name: document.text for document in documents}
    for example in found.evaluation_set.examples:
        (span,) = example.references
        assert texts[span.document][span.start : span.end] == example.reference


def test_paragraphs_without_a_title_are_documents_of_their_own() -> None:
    rows = [{"question": f"What is {i}?", "context": f"Thing {i // 2} is blue."} for i in range(4)]
    data = "\n".join(map(json.dumps, rows)).encode()
    documents = context_documents(read_questions(data, "hf.jsonl").evaluation_set.examples, "hf")
    assert [(one.name, one.text) for one in documents] == [
        ("hf-001.txt", "Thing 0 is blue."), ("hf-002.txt", "Thing 1 is blue."),
    ]  # fmt: skip


def test_titles_that_look_alike_as_names_stay_apart() -> None:
    rows = [
        {"question": f"What is {i}?", "context": f"Text {i}.", "title": title}
        for i, title in enumerate(("a/b", "a:b", "  "))
    ]
    data = "\n".join(map(json.dumps, rows)).encode()
    documents = context_documents(read_questions(data, "hf.jsonl").evaluation_set.examples, "hf")
    assert [one.name for one in documents] == ["a-b.txt", "a-b 2.txt", "hf-003.txt"]


def test_a_file_without_paragraphs_is_told() -> None:
    with pytest.raises(BadInput, match="plain brings no paragraphs"):
        read_with_paragraphs(lambda known: read_questions(b'{"question": "a?"}', "plain.jsonl", known), [], "plain")


def test_a_document_of_the_same_name_is_replaced_by_the_new_one() -> None:
    old = Document("Town-0.txt", "Something else.")
    found, _ = read_with_paragraphs(lambda known: read_questions(squad(1), "t.json", known), [old], "t")
    assert all(example.references for example in found.evaluation_set.examples)


def test_without_documents_a_split_keeps_titles_and_paragraphs_together() -> None:
    questions = read_questions(squad(8), "towns.json").evaluation_set
    plan, split = make_plan(questions)
    for example in questions.examples:
        town = example.id.split("-", maxsplit=1)[0]
        assert split.parts[example.id] == split.parts[f"{town}-0-0"]
    assert split.notes == ()
    # Once the paragraphs are documents, every question is still where it was.
    assert set(plan.questions) == {example.id for example in questions.examples}
