"""The tab Failures: kinds, records to read, notes, groups, and what groups become."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.assertions.columns import assertions_of
from llmopt_core.experiments.versions.prompts import FEW_SHOT
from llmopt_core.experiments.versions.training_sets import training_sets
from llmopt_core.labs.evaluation.notes import Note, read_notes, save_note
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE, SET = "pages/evaluation.py", "questions"
NOTE = "failures_note_"


def open_tab(app: App, used: str) -> AppTest:
    test = app(PAGE, project=used, evaluation_view="Failures")
    assert not test.exception
    return test


def field(test: AppTest) -> str:
    """The key of the field for the note on the record that is open."""
    (key,) = [one.key for one in test.text_input if str(one.key).startswith(NOTE)]
    return str(key)


def notes(store: Store, used: str) -> dict[str, Note]:
    return dict(read_notes(store, used, SET).notes)


def write_notes(store: Store, used: str, texts: list[str]) -> int:
    """Notes on the records of one run; gives its id."""
    run = next(run for run in store.runs(used) if run.name == "rag-rerank")
    for place, text in enumerate(texts):
        note = Note(run.id, f"q{place + 1}", run.name, ("when", "what", "why")[place % 3], "?", text=text)
        save_note(store, used, SET, note)
    return run.id


def test_without_answers_the_tab_says_what_to_do(app: App, store: Store) -> None:
    store.ensure_project("empty")
    test = app(PAGE, project="empty", evaluation_view="Failures")
    assert "No failures to read yet" in " ".join(one.value for one in test.markdown)
    test.button(key="failures_to_run").click().run()
    assert test.session_state["evaluation_view"] == "Run"


def test_a_note_is_kept_while_it_is_typed_and_is_there_in_a_new_session(app: App, store: Store, used: str) -> None:
    test = open_tab(app, used)
    key = field(test)
    test.text_input(key=key).set_value("the year is <b>wrong</b>").run()
    assert [note.text for note in notes(store, used).values()] == ["the year is <b>wrong</b>"]
    test.button(key="failures_next").click().run()
    assert field(test) != key
    test.button(key="failures_previous").click().run()
    assert test.text_input(key=key).value == "the year is <b>wrong</b>"
    # Another session begins with the first record that nobody has read.
    assert field(open_tab(app, used)) != key


def test_two_sessions_on_one_record_keep_both_notes(app: App, store: Store, used: str) -> None:
    first, second = open_tab(app, used), open_tab(app, used)
    key = field(first)
    assert field(second) == key
    first.text_input(key=key).set_value("wrong year").run()
    second.text_input(key=key).set_value("too long").run()
    assert [note.text for note in notes(store, used).values()] == ["wrong year / too long"]


def test_no_fault_and_skip_go_on_and_are_kept(app: App, store: Store, used: str) -> None:
    test = open_tab(app, used)
    test.button(key="failures_right").click().run()
    test.button(key="failures_skip").click().run()
    assert [note.finding for note in notes(store, used).values()] == ["nothing wrong", "skipped"]
    # A note says that something is wrong: the two keys are taken from it.
    test.text_input(key=field(test)).set_value("wrong").run()
    assert test.button(key="failures_right").disabled
    assert test.button(key="failures_skip").disabled


def test_records_are_chosen_by_kind_and_flips_are_against_the_baseline(app: App, used: str) -> None:
    test = open_tab(app, used)
    test.selectbox(key="failures_order").set_value("flips").run()
    assert not test.exception
    assert any("Against baseline, rag\\-rerank lost" in one.value for one in test.caption)
    test.selectbox(key="failures_of").set_value("rag").run()
    test.selectbox(key="failures_order").set_value("failures").run()
    test.selectbox(key="failures_kind").set_value("error").run()
    # The one record of the seed that failed.
    assert field(test).endswith("_q7")
    # A configuration has no flips against itself.
    test.selectbox(key="failures_of").set_value("baseline").run()
    assert "Flips against the baseline" not in test.selectbox(key="failures_order").options


def test_groups_are_proposed_after_thirty_notes(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    script(lambda request: "")
    runs = [run for run in store.runs(used) if run.name in ("rag", "rag-rerank")]
    for place in range(29):
        run = runs[place % 2]
        save_note(store, used, SET, Note(run.id, f"q{place // 2 + 1}", run.name, text=("year", "unit")[place % 2]))
    test = open_tab(app, used)
    assert "1 to go" in " ".join(one.value for one in test.caption)
    test.text_input(key=field(test)).set_value("year").run()
    # While it is being typed nothing is grouped.
    assert not read_notes(store, used, SET).groups
    test.button(key="failures_next").click().run()
    assert set(read_notes(store, used, SET).groups.values()) == {"year", "unit"}
    assert any("New kinds in the last 20 records read: **0**" in one.value for one in test.caption)


def grouped(app: App, store: Store, used: str, script: Callable[..., object]) -> AppTest:
    """The tab with the groups `year` (three notes) and `unit` (one)."""
    script(lambda request: "")
    write_notes(store, used, ["year", "unit", "year", "year"])
    test = open_tab(app, used)
    test.button(key="failures_propose").click().run()
    assert not test.exception
    return test


def group_names(store: Store, used: str) -> set[str]:
    return set(read_notes(store, used, SET).groups.values())


def group_id(store: Store, used: str, name: str) -> str:
    return next(key for key, title in read_notes(store, used, SET).groups.items() if title == name)


def test_a_group_is_renamed_and_merged(app: App, store: Store, used: str, script: Callable[..., object]) -> None:
    test = grouped(app, store, used, script)
    year = group_id(store, used, "year")
    test.text_input(key=f"failures_name_{year}_year").set_value("Wrong years")
    test.button(key=f"failures_rename_{year}").click().run()
    assert group_names(store, used) == {"Wrong years", "unit"}
    test.button(key=f"failures_merge_{year}").click().run()
    assert group_names(store, used) == {"unit"}
    assert not test.exception


def test_a_group_becomes_a_configuration_that_the_run_form_opens_with(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    test = grouped(app, store, used, script)
    before = {item.name for item in store.configurations(used)}
    test.button(key="failures_to_configuration").click().run()
    assert not test.exception
    (added,) = {item.name for item in store.configurations(used)} - before
    # The form that runs it, beside the one that it was made from, on the questions of the desk.
    assert test.session_state["evaluation_view"] == "Run"
    assert test.multiselect(key="run_configurations").value == ["rag-rerank", added]
    assert test.selectbox(key="run_set").value == SET


def test_a_prepared_check_is_added_by_one_click_and_the_next_run_shows_it(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    test = grouped(app, store, used, script)
    # What most of its records have: an answer that does not hold the reference.
    test.button(key="failures_check").click().run()
    assert not test.exception
    found = {e.id: [(a.type, a.value) for a in assertions_of(e)] for e in store.evaluation_set(used, SET).examples}
    assert {key for key, values in found.items() if values} == {"q1", "q3", "q4"}
    (kind,) = {kind for values in found.values() for kind, _ in values}
    assert kind != "llm-rubric", "the built-in judge can check it"


def test_a_group_becomes_a_check_of_its_questions(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    test = grouped(app, store, used, script)
    token = f"{group_id(store, used, 'year')}_year"
    test.selectbox(key=f"failures_check_type_{token}").set_value("not-contains").run()
    test.text_area(key=f"failures_check_value_{token}_not-contains").set_value("1812").run()
    test.button(key="failures_to_check").click().run()
    assert not test.exception
    found = {e.id: [a.value for a in assertions_of(e)] for e in store.evaluation_set(used, SET).examples}
    assert {key: values for key, values in found.items() if values} == {"q1": ["1812"], "q3": ["1812"], "q4": ["1812"]}


def test_a_group_becomes_a_few_shot_set_and_a_training_set(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    test = grouped(app, store, used, script)
    test.button(key="failures_to_few_shot").click().run()
    (version,) = store.versions(used, FEW_SHOT)
    assert version.name == "year"
    assert [shot["answer"] for shot in version.body["examples"]] == ["1712", "it is four minutes late", "1712"]
    test.button(key="failures_to_training").click().run()
    (training,) = training_sets(store, used)
    assert [one.answer for one in training.train.examples] == ["1712", "it is four minutes late", "1712"]
    assert not test.exception


def test_what_people_noted_is_a_map_of_its_own(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    test = grouped(app, store, used, script)
    test.run()
    test.segmented_control(key="failures_by").set_value("Noted by people").run()
    assert not test.exception
    assert any("not drawn at random" in one.value for one in test.caption)


def test_a_model_names_the_groups_and_people_go_before(
    app: App, store: Store, used: str, script: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = grouped(app, store, used, script)
    assert any(one.key == "failures_name_groups" for one in test.button) is False, "without an endpoint there is none"
    endpoint = Endpoint(name="llm", base_url="http://127.0.0.1:9", default_model="m")
    save_endpoint(resources.settings(), endpoint)
    namer = ScriptedChat(["1: Wrong years\n2: Unit missing"])
    monkeypatch.setattr(
        resources, "model_plugins", [*resources.model_plugins, lambda models: models.register("llm", namer)]
    )
    test.run()
    test.button(key="failures_name_groups").click().run()
    assert not test.exception
    assert group_names(store, used) == {"Wrong years", "Unit missing"}
    assert any("2 groups named" in one.value for one in test.toast)


def test_chinese_notes_are_said_to_be_grouped_by_words(
    app: App, store: Store, used: str, script: Callable[..., object]
) -> None:
    script(lambda request: "")
    write_notes(store, used, ["年份错了", "年份不对", "格式错误", "格式不对"])
    test = open_tab(app, used)
    test.button(key="failures_propose").click().run()
    assert not test.exception
    assert any("grouped by the words they share" in one.value for one in test.caption)
