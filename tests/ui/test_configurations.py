"""Editing configurations and question files."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.versions.prompts import PROMPT, save_prompt
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def field(test: AppTest, kind: str, name: str):
    return next(item for item in getattr(test, kind) if str(item.key).startswith(name))


def texts(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def editor(app: App, name: str = "rag") -> AppTest:
    return app(PAGE, evaluation_view="Configurations", edited=name)


def test_what_the_form_does_not_show_stays(app: App, store: Store) -> None:
    before = next(item for item in store.configurations("sample") if item.name == "rag")
    press(editor(app), "Save configuration")
    after = next(item for item in store.configurations("sample") if item.name == "rag")
    assert (after.version, after.fingerprint) == (before.version, before.fingerprint)


DATA = {
    "source": "shop.sqlite",
    "method": "few-shot-skeleton",
    "examples": [{"question": "How many?", "sql": "SELECT count(*) FROM goods"}],
    "shots": 2,
    "same_difficulty": True,
    "reasoning": True,
    "repair": 2,
    "repair_empty": True,
    "samples": 5,
    "sample_temperature": 0.9,
    "tables": 7,
    "sample_values": 1,
    "descriptions": {"goods": "All that is sold"},
    "routing": {"method": "given", "routes": {"figures": {}}},
    "categories": ["figures"],
    "template": "{{ schema }} {{ question }}",
}


def test_a_data_source_and_tools_stay_as_they_are(app: App, store: Store) -> None:
    before = next(item for item in store.configurations("sample") if item.name == "rag")
    spec = {**before.spec, "data": DATA, "tools": ["sql", "calculator"]}
    save_configuration(store, store.project("sample"), configuration_from(spec))
    version = next(item for item in store.configurations("sample") if item.name == "rag")
    test = editor(app)
    assert not test.exception
    press(test, "Save configuration")
    assert not test.exception
    after = next(item for item in store.configurations("sample") if item.name == "rag")
    assert (after.version, after.fingerprint) == (version.version, version.fingerprint)


def test_numbers_that_a_file_may_hold_can_be_shown_and_stay(app: App, store: Store) -> None:
    before = next(item for item in store.configurations("sample") if item.name == "rag")
    spec = json.loads(json.dumps(before.spec))
    spec["retrieval"]["chunking"] |= {"size": 5, "overlap": 0}
    spec["retrieval"]["top_k"] = 500
    spec["retrieval"]["rerank"] = {"method": "llm-listwise", "candidates": 2000}
    spec["prompt"]["few_shot"] |= {"select": "random", "k": 60}
    save_configuration(store, store.project("sample"), configuration_from(spec))
    version = next(item for item in store.configurations("sample") if item.name == "rag")
    test = editor(app)
    assert not test.exception
    press(test, "Save configuration")
    after = next(item for item in store.configurations("sample") if item.name == "rag")
    assert after.spec["retrieval"]["top_k"] == 500
    assert after.fingerprint == version.fingerprint


def test_a_change_under_the_same_name_is_its_next_version(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "number_input", "edit_top_k").set_value(2)
    field(test, "text_area", "edit_system").input("Be brief.")
    test.run()
    press(test, "Save configuration")
    assert not test.exception
    after = next(item for item in store.configurations("sample") if item.name == "rag")
    assert after.version == 2
    assert after.spec["retrieval"]["top_k"] == 2
    assert after.spec["prompt"]["system"] == "Be brief."
    assert len(after.spec["prompt"]["few_shot"]["examples"]) == 2


def test_another_name_makes_a_copy_and_opens_it(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "text_input", "edit_name").input("rag-short")
    field(test, "number_input", "edit_size").set_value(80)
    test.run()
    press(test, "Save configuration")
    assert [item.name for item in store.configurations("sample")][-1] == "rag-short"
    assert test.selectbox(key="edited").value == "rag-short"


def test_a_new_configuration_can_be_made(app: App, store: Store) -> None:
    test = editor(app, "New configuration")
    field(test, "text_input", "edit_name").input("mine")
    test.run()
    press(test, "Save configuration")
    assert [item.name for item in store.configurations("sample")][-1] == "mine"


def test_the_name_of_a_saved_configuration_cannot_be_emptied(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "text_input", "edit_name").input("  ")
    test.run()
    press(test, "Save configuration")
    assert "Give the configuration a name." in texts(test)
    assert next(item for item in store.configurations("sample") if item.name == "rag").version == 1


def test_a_contradiction_is_told_and_nothing_is_saved(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "number_input", "edit_overlap").set_value(500)
    test.run()
    press(test, "Save configuration")
    assert not test.exception
    assert "overlap" in texts(test).lower()
    assert next(item for item in store.configurations("sample") if item.name == "rag").version == 1


def test_a_broken_template_is_told_while_typing(app: App) -> None:
    test = editor(app)
    field(test, "text_area", "edit_template").input("{{ question")
    test.run()
    assert not test.exception
    assert "template" in texts(test).lower()


def test_a_prompt_has_the_same_words_as_in_its_editor(app: App) -> None:
    form = [box.label for box in editor(app).text_area if str(box.key).startswith(("edit_system", "edit_template"))]
    page = app("pages/prompt_lab.py", prompts_view="Editor")
    fields = [box.label for box in page.text_area if str(box.key).startswith("prompt_text_")]
    assert form == fields == ["System message", "User message"]


def test_retrieval_can_be_taken_out(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "toggle", "edit_retrieval").set_value(False)
    test.run()
    press(test, "Save configuration")
    assert next(item for item in store.configurations("sample") if item.name == "rag").spec["retrieval"] is None


def test_a_configuration_is_removed_from_the_list(app: App, store: Store) -> None:
    press(editor(app, "baseline"), "Remove from the list")
    assert [item.name for item in store.configurations("sample")] == ["rag", "rag-rerank"]


def upload(test: AppTest, name: str, data: bytes) -> AppTest:
    test.file_uploader[0].set_value((name, data, "application/octet-stream"))
    return press(test, "Add questions")


def test_a_question_file_is_added_and_shown(app: App, store: Store) -> None:
    data = b'{"question": "Who?", "reference": "Me"}\n{"question": "Why?", "category": "why"}\n'
    test = upload(app(PAGE, evaluation_view="Questions"), "mine.jsonl", data)
    assert not test.exception
    assert store.evaluation_sets("sample")[0].name == "mine"
    assert store.evaluation_sets("sample")[0].size == 2


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.jsonl", b'{"question": ""}\n{broken\n', "line 2: broken JSON"),
        ("a.csv", b"id,reference\n1,x\n", "no column that is known as the question"),
        ("a.jsonl", b'{"question": "Who?", "references": [{"document": "no.md", "start": 0, "end": 3}]}\n', "no.md"),
        ("a.jsonl", b"", "a.jsonl"),
    ],
)
def test_a_wrong_question_file_is_refused(app: App, store: Store, name: str, data: bytes, told: str) -> None:
    test = upload(app(PAGE, evaluation_view="Questions"), name, data)
    assert not test.exception
    assert told in texts(test)
    assert len(store.evaluation_sets("sample")) == 1


def test_bad_lines_are_left_out_and_named(app: App, store: Store) -> None:
    lines = [b'{"question": "Who?"}', b"{broken", *(b'{"question": "Number %d?"}' % n for n in range(10))]
    test = upload(app(PAGE, evaluation_view="Questions"), "twelve.jsonl", b"\n".join(lines))
    assert not test.exception
    assert next(item.size for item in store.evaluation_sets("sample") if item.name == "twelve") == 11
    assert "twelve.jsonl: line 2 was left out: broken JSON at character 2" in texts(test)
    test.button(key="question_notes_away").click().run()
    assert "was left out" not in texts(test)


def test_encoding_and_judgements_are_said_beside_a_question_file(app: App, store: Store) -> None:
    test = app(PAGE, evaluation_view="Questions")
    next(box for box in test.selectbox if box.label == "Encoding of the question file").set_value("windows-1257")
    upload(test, "a.csv", "question,reference\nKoks?,žuvį\n".encode("cp1257"))
    assert store.evaluation_set("sample", "a").examples[0].reference == "žuvį"
    test = app(PAGE, evaluation_view="Questions")
    document = store.document_list("sample")[0].name
    uploader = next(box for box in test.file_uploader if box.label == "Judgements (qrels)")
    uploader.set_value(("test.tsv", f"query-id\tcorpus-id\tscore\nq1\t{document}\t1\n".encode(), "text/plain"))
    upload(test, "queries.jsonl", b'{"_id": "q1", "text": "Who?"}\n{"_id": "q2", "text": "Why?"}\n')
    (example,) = store.evaluation_set("sample", "queries").examples
    assert [span.document for span in example.references] == [document]


def columns_form(test: AppTest) -> dict[str, str | None]:
    return {box.label: box.value for box in test.selectbox if box.key and "_column_" in box.key}


def test_a_file_with_other_column_names_opens_a_mapping(app: App, store: Store) -> None:
    data = b"Wer oder was,Antwort,Nr\nWer baute den Hafen?,Momus,7\n"
    test = upload(app(PAGE, evaluation_view="Questions"), "hafen.csv", data)
    assert columns_form(test) == {
        "Question": "Wer oder was", "Reference answer": "Antwort", "Id": "Nr", "Category": "(none)",
        "Document of the answer": "(none)", "Quote of the answer": "(none)",
    }  # fmt: skip
    test = press(test, "Read with these columns")
    assert not test.exception
    (example,) = store.evaluation_set("sample", "hafen").examples
    assert (example.id, example.question, example.reference) == ("7", "Wer baute den Hafen?", "Momus")


def test_a_column_that_looks_like_the_answer_is_asked_about(app: App, store: Store) -> None:
    data = b"question,Antwort\nWho?,Momus\n"
    test = upload(app(PAGE, evaluation_view="Questions"), "a.csv", data)
    assert len(store.evaluation_sets("sample")) == 1
    assert (columns_form(test)["Question"], columns_form(test)["Reference answer"]) == ("question", "Antwort")
    press(test, "Read with these columns")
    assert store.evaluation_set("sample", "a").examples[0].reference == "Momus"
    test = upload(app(PAGE, evaluation_view="Questions"), "b.csv", data)
    press(test, "Go on without right answers")
    assert store.evaluation_set("sample", "b").examples[0].variables == {"Antwort": "Momus"}


def test_a_set_is_deleted(app: App, store: Store) -> None:
    test = app(PAGE, evaluation_view="Questions")
    test.button(key="questions_delete").click().run()
    assert not test.exception
    assert store.evaluation_sets("sample") == []


def test_a_model_that_writes_what_is_embedded_is_chosen_and_kept(app: App, store: Store) -> None:
    test = editor(app)
    field(test, "selectbox", "edit_of").set_value("summary").run()
    assert "this needs a stronger model" in texts(test)
    field(test, "text_input", "edit_writer_name").input("big-model")
    test.run()
    press(test, "Save configuration")
    assert not test.exception
    spec = next(item for item in store.configurations("sample") if item.name == "rag").spec
    assert spec["retrieval"]["embedding"]["of"] == "summary"
    assert spec["retrieval"]["embedding"]["writer"]["name"] == "big-model"
    test = editor(app)
    field(test, "selectbox", "edit_of").set_value("text").run()
    press(test, "Save configuration")
    spec = next(item for item in store.configurations("sample") if item.name == "rag").spec
    assert "writer" not in spec["retrieval"]["embedding"]


def test_a_saved_prompt_can_be_chosen_by_version_and_label(app: App, store: Store) -> None:
    for number in (1, 2, 3):
        save_prompt(store, "sample", "support", PromptSpec(system=f"v{number}", template="Q {{ question }}"), "")
    store.set_label("sample", PROMPT, "support", "production", 2)
    test = editor(app)
    picker = field(test, "selectbox", "edit_saved_prompt")
    assert picker.options == ["Written here", "support v3", "support v2 (production)"]
    assert picker.value == ""
    picker.set_value("support@2").run()
    assert [box.key for box in test.text_area if str(box.key).startswith("edit_template")] == []
    press(test, "Save configuration")
    assert not test.exception
    after = next(item for item in store.configurations("sample") if item.name == "rag")
    assert (after.spec["prompt"]["system"], after.spec["prompt"]["few_shot"]) == ("v2", None)
    # What was chosen is seen when it is opened again.
    assert field(editor(app), "selectbox", "edit_saved_prompt").value == "support@2"


def test_a_new_configuration_without_a_name_gets_one_that_says_what_it_holds(app: App, store: Store) -> None:
    test = editor(app, "New configuration")
    name = field(test, "text_input", "edit_name")
    assert (name.value, name.placeholder) == ("", "rag · recursive 120 · hybrid · late-interaction · top 1")
    test = press(test, "Save configuration")
    assert not test.exception
    names = [item.name for item in store.configurations("sample")]
    assert "rag · recursive 120 · hybrid · late-interaction · top 1" in names
    second = editor(app, "New configuration")
    assert field(second, "text_input", "edit_name").placeholder.endswith("top 1 (2)")
