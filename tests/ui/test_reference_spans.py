"""References for questions: pasted, from quotes in a file, and written by a model and reviewed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.labs.documents.question_edit import with_question, without_question
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example, Span
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/documents.py"
TEXT = "The harbour was built in 1712. A railway reached the town in 1868. " * 3
MARK, QUOTES, WRITE = "Mark in the text", "From quotes", "Write questions"


@pytest.fixture
def town(store: Store) -> str:
    name = store.create_project("town").name
    store.save_documents(name, [Document("town.md", TEXT), Document("other.md", "Nothing of note.")])
    examples = (Example("q1", "When was the harbour built?", "1712"), Example("q2", "And the railway?"))
    store.save_evaluation_set(name, EvaluationSet("questions", examples))
    return name


@pytest.fixture
def opened(app: App) -> Callable[..., AppTest]:
    def start(project: str, way: str) -> AppTest:
        return app(PAGE, project=project, documents_tab="Questions", spans_way=way)

    return start


def words(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown, *test.error, *test.warning])


def written(test: AppTest, store: Store, project: str) -> AppTest:
    """Press the button, and wait for the job."""
    test.button(key="write_start").click().run()
    assert not test.exception
    resources.job_runner().wait(store.jobs(project)[0].id, 30)
    return test.run()


def test_without_documents_or_questions_it_says_what_to_do(opened: App, store: Store) -> None:
    empty = store.create_project("empty").name
    assert "questions about it can then say where their answer stands" in words(opened(empty, MARK))
    store.save_documents(empty, [Document("a.txt", "Words.")])
    assert "No questions yet" in words(opened(empty, MARK))


def test_what_is_known_and_broken_is_counted(opened: App, store: Store, town: str) -> None:
    examples = (
        Example("good", "A?", None, (Span("town.md", 0, 11),)),
        Example("bad", "B?", None, (Span("gone.md", 0, 5),)),
        Example("none", "C?"),
    )
    store.save_evaluation_set(town, EvaluationSet("questions", examples))
    test = opened(town, MARK)
    assert {m.label: m.value for m in test.metric} == {"With a source": "1", "Without": "1", "Broken": "1"}
    assert "bad" in words(test)


def test_pasted_words_are_looked_up_and_become_the_reference(opened: App, store: Store, town: str) -> None:
    test = opened(town, MARK)
    test.selectbox(key="mark_document").set_value("town.md").run()
    test.text_input(key="mark_quote_0").input("the harbour was  built in 1712").run()
    assert "Found exactly, in 3 places: the first is taken" in words(test)
    test.button(key="mark_set").click().run()
    assert not test.exception
    question = store.evaluation_set(town, "questions").examples[0]
    assert question.references == (Span("town.md", 0, 29),)
    assert len(store.evaluation_sets(town, every_version=True)) == 2


def test_words_that_are_not_there_are_refused(opened: App, town: str) -> None:
    test = opened(town, MARK)
    test.selectbox(key="mark_document").set_value("town.md").run()
    test.text_input(key="mark_quote_0").input("an aeroplane landed on the market square").run()
    assert "do not stand in" in words(test)
    assert test.button(key="mark_set").disabled


def test_a_reference_is_cleared(opened: App, store: Store, town: str) -> None:
    examples = (Example("q", "A?", None, (Span("town.md", 0, 11),)),)
    store.save_evaluation_set(town, EvaluationSet("questions", examples))
    test = opened(town, MARK)
    test.button(key="mark_clear").click().run()
    assert not test.exception
    assert store.evaluation_set(town, "questions").examples[0].references == ()


def counters(test: AppTest) -> tuple[str, str]:
    """How many questions have a reference, and how many have none."""
    assert not test.exception
    values = {metric.label: metric.value for metric in test.metric}
    return values["With a source"], values["Without"]


def quoted(test: AppTest, words: str) -> AppTest:
    field = next(field for field in test.text_input if str(field.key).startswith("mark_quote_"))
    return field.input(words).run()


def test_counters_are_current_after_a_reference_is_set_and_cleared(opened: App, store: Store, town: str) -> None:
    test = opened(town, MARK)
    assert counters(test) == ("0", "2")
    test.selectbox(key="mark_document").set_value("town.md").run()
    test = quoted(test, "built in 1712")
    test.button(key="mark_set").click().run()
    assert counters(test) == ("1", "1")
    test.selectbox(key="mark_question_questions").set_value("q1").run()
    test.button(key="mark_clear").click().run()
    assert counters(test) == ("0", "2")


def test_what_another_tab_has_marked_is_counted_and_not_overwritten(opened: App, store: Store, town: str) -> None:
    test, other = opened(town, MARK), opened(town, MARK)
    for tab in (test, other):
        tab.selectbox(key="mark_document").set_value("town.md").run()
    test.selectbox(key="mark_question_questions").set_value("q1").run()
    test = quoted(test, "built in 1712")
    other.selectbox(key="mark_question_questions").set_value("q2").run()
    other = quoted(other, "railway")
    test.button(key="mark_set").click().run()
    other.button(key="mark_set").click().run()
    assert counters(other) == ("2", "0")
    assert all(example.references for example in store.evaluation_set(town, "questions").examples)
    assert counters(test.run()) == ("2", "0")
    other.button(key="mark_clear").click().run()
    assert counters(other) == ("1", "1")
    assert counters(test.run()) == ("1", "1")


def test_a_question_that_another_tab_has_removed_takes_no_reference(opened: App, store: Store, town: str) -> None:
    test = opened(town, MARK)
    test.selectbox(key="mark_document").set_value("town.md").run()
    test.selectbox(key="mark_question_questions").set_value("q1").run()
    test = quoted(test, "built in 1712")
    store.save_evaluation_set(town, EvaluationSet("questions", (Example("q2", "And the railway?"),)))
    test.button(key="mark_set").click().run()
    assert "questions has no question q1" in words(test)
    assert counters(test) == ("0", "1")


def upload(test: AppTest, *rows: dict[str, str]) -> AppTest:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    test.file_uploader[0].set_value(("quoted.jsonl", data, "application/jsonl"))
    return test.run()


def test_quotes_of_a_file_are_shown_with_their_match_and_saved(opened: App, store: Store, town: str) -> None:
    exact = {"question": "Harbour?", "document": "town.md", "quote": "built in 1712"}
    near = {"question": "Railway?", "document": "town.md", "quote": "railway reached that town in 1868"}
    test = upload(opened(town, QUOTES), exact, near)
    assert not test.exception
    table = test.dataframe[0].value
    assert list(table["Stands there"]) == ["railway reached the town in 1868.", "built in 1712"]
    assert list(table["Question"]) == ["Railway?", "Harbour?"]
    assert table["Match"][0] < 1.0
    assert "1 of them only nearly" in words(test)
    test.button(key="quotes_save").click().run()
    spans = [example.references[0] for example in store.evaluation_set(town, "quoted").examples]
    assert [TEXT[span.start : span.end] for span in spans] == ["built in 1712", "railway reached the town in 1868."]


def test_a_quote_that_stands_nowhere_is_named_with_its_line(opened: App, store: Store, town: str) -> None:
    rows = [{"question": "Good?", "quote": "built in 1712"}, {"question": "Bad?", "quote": "seven purple elephants"}]
    test = upload(opened(town, QUOTES), *rows)
    assert not test.exception
    assert list(test.dataframe[0].value["Line"]) == [2]
    assert "1 line left out" in words(test)
    test.button(key="quotes_save").click().run()
    assert [example.question for example in store.evaluation_set(town, "quoted").examples] == ["Good?"]


def reply(question: str, quote: str) -> str:
    return f" {question}\nAnswer: 1712\nQuote: {quote}"


def test_written_questions_are_reviewed_and_saved(
    opened: App, store: Store, town: str, script: Callable[..., ScriptedChat]
) -> None:
    replies = [reply("Who painted the ceiling?", "a monk"), reply("In which year was it begun?", "built in 1712")]
    script(lambda request: replies["railway" in request.messages[-1].content])
    test = opened(town, WRITE)
    assert "this needs a stronger model" in words(test)
    assert "At most 2 calls" in words(test)
    test = written(test, store, town)
    assert "**1 question** from 2 passages; 1 dropped: the quote does not stand in the document (1)." in words(test)
    name = next(item for item in test.text_input if item.key == "write_name")
    name.set_value("from a model").run()
    test.button(key="write_save").click().run()
    assert not test.exception
    example = store.evaluation_set(town, "from a model").examples[0]
    assert example.question == "In which year was it begun?"
    assert TEXT[example.references[0].start : example.references[0].end] == "built in 1712"
    assert store.draft(town, "written-questions", "") is None


def test_when_nothing_passes_it_says_so_and_can_be_put_away(
    opened: App, store: Store, town: str, script: Callable[..., ScriptedChat]
) -> None:
    script(lambda _: "???")
    test = written(opened(town, WRITE), store, town)
    assert "No question passed" in words(test)
    assert "it has no quote (2)" in words(test)
    test.button(key="write_discard").click().run()
    assert not test.exception
    assert "No question passed" not in words(test)


def test_a_model_that_fails_is_told(opened: App, store: Store, town: str, script: Callable[..., ScriptedChat]) -> None:
    script([EndpointError("The endpoint is down.", kind="connection")] * 4)
    test = written(opened(town, WRITE), store, town)
    assert not test.exception
    assert "The endpoint is down" in words(test).replace("\\", "")


def test_a_question_is_added_and_the_place_of_its_answer_taken(opened: App, store: Store, town: str) -> None:
    test = opened(town, "One by one")
    assert not test.exception
    keyed(test.text_area, "edit_question").set_value("When was the harbour built?")
    keyed(test.text_area, "edit_answers").set_value("1712")
    test = press(test, "Add the question")
    assert not test.exception
    name = store.evaluation_sets(town)[0].name
    example = store.evaluation_set(town, name).examples[-1]
    assert (example.question, example.reference, example.references) == ("When was the harbour built?", "1712", ())
    test.button(key="edit_place_0").click().run()
    assert not test.exception
    (span,) = store.evaluation_set(town, name).examples[-1].references
    assert (span.document, TEXT[span.start : span.end]) == ("town.md", "1712")
    assert "This is its source" in words(test)
    keyed(test.text_area, "edit_question").set_value("When was it built?")
    test = press(test, "Save the question")
    variant = store.evaluation_set(town, name).examples[-1]
    assert (variant.question, variant.references, variant.id) == ("When was it built?", (span,), example.id)


def test_what_another_tab_made_of_a_question_is_not_overwritten_unseen(opened: App, store: Store, town: str) -> None:
    test = opened(town, "One by one")
    keyed(test.text_area, "edit_question").set_value("Which *harbour*?")
    test = press(test, "Add the question")
    name = store.evaluation_sets(town)[0].name
    questions = store.evaluation_set(town, name)
    mine = questions.examples[-1].id
    store.save_evaluation_set(town, with_question(questions, mine, "Whose <b>harbour</b>?", ["A *duke*"])[0])
    keyed(test.text_area, "edit_question").set_value("Whose harbour is it?")
    test = press(test, "Save the question")
    assert store.evaluation_set(town, name).examples[-1].question == "Whose <b>harbour</b>?"
    (warning,) = [one.value for one in test.warning if "changed elsewhere" in one.value]
    assert r"\<b\>harbour" in warning
    assert r"A \*duke\*" in warning
    assert keyed(test.text_area, "edit_question").value == "Whose harbour is it?"
    test = press(test, "Save the question")
    assert not test.exception
    assert store.evaluation_set(town, name).examples[-1].question == "Whose harbour is it?"
    assert not test.warning


def test_what_was_typed_into_a_question_that_another_tab_removed_is_kept(opened: App, store: Store, town: str) -> None:
    test = opened(town, "One by one")
    for question in ("First?", "Second?"):
        if question == "Second?":
            keyed(test.selectbox, "edit_chosen").set_value("").run()
        keyed(test.text_area, "edit_question").set_value(question)
        test = press(test, "Add the question")
    name = store.evaluation_sets(town)[0].name
    questions = store.evaluation_set(town, name)
    store.save_evaluation_set(town, without_question(questions, questions.examples[-1].id))
    keyed(test.text_area, "edit_question").set_value("A second one, typed at length?")
    keyed(test.text_area, "edit_answers").set_value("an answer")
    test = press(test, "Save the question")
    assert not test.exception
    assert any("was removed elsewhere" in one.value for one in test.warning)
    assert keyed(test.text_area, "edit_question").value == "A second one, typed at length?"
    test = press(test, "Add the question")
    last = store.evaluation_set(town, name).examples[-1]
    assert (last.question, last.reference) == ("A second one, typed at length?", "an answer")


def keyed(found: Any, key: str) -> Any:
    return next(one for one in found if one.key.startswith(key))


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()
