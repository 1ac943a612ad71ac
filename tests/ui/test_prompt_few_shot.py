"""The Few-shot tab of the prompt lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.prompts.few_shot_files import read_few_shot
from llmopt_core.runs.store import Store
from llmopt_ui.components import File
from llmopt_ui.prompts import few_shot as prompt_few_shot

App = Callable[..., AppTest]
PAGE = "pages/prompt_lab.py"
SHOTS = [
    {"question": "When was the harbour built? (1)", "answer": "1712"},
    {"question": "Who keeps the light?", "answer": "The warden"},
    {"question": "What do the boats bring?", "answer": "Wool"},
]


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join(str(part.value) for part in parts)


def html(test: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in test.get("html"))


def keyed(widgets, start: str):
    matches = [widget for widget in widgets if widget.key and widget.key.startswith(start)]
    assert matches, f"no widget {start}"
    return matches[0]


@pytest.fixture
def saved(app: App, used: str, store: Store) -> AppTest:
    body = {"examples": SHOTS, "select": "all", "k": 2, "seed": 0, "template": ""}
    store.save_version(used, "few-shot", "good", body, "first")
    return app(PAGE, project=used, prompts_view="Few-shot", few_shot="good")


def test_an_empty_set_says_what_to_do(app: App, used: str) -> None:
    test = app(PAGE, project=used, prompts_view="Few-shot")
    assert not test.exception
    assert "No examples yet" in words(test)


def test_good_answers_of_earlier_runs_become_examples(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used, prompts_view="Few-shot")
    keyed(test.selectbox, "shots_metric_").set_value("answer_f1").run()
    test.number_input(key="shots_most").set_value(4).run()
    test.button(key="shots_add_good").click().run()
    assert not test.exception
    assert len(store.draft(used, "few-shot", "")["examples"]) == 4
    keyed(test.text_input, "shots_name_").set_value("from-runs").run()
    test.button(key="few_shot_save").click().run()
    assert not test.exception
    (version,) = store.versions(used, "few-shot", "from-runs")
    assert len(version.body["examples"]) == 4
    assert "4 examples also in questions" in words(test)


def test_without_scored_runs_it_says_where_they_come_from(app: App, store: Store) -> None:
    store.ensure_project("empty")
    test = app(PAGE, project="empty", prompts_view="Few-shot")
    assert "No run has scores yet" in words(test)
    assert "page Evaluation" in words(test)


def test_a_question_gets_its_examples_without_those_that_repeat_one(saved: AppTest) -> None:
    assert not saved.exception
    assert "1 example also in questions" in words(saved)
    page_html = html(saved)
    assert "The warden" in page_html
    assert "1712" not in page_html
    assert "**2 examples**" in words(saved)
    saved.toggle(key="shots_keep_overlap").set_value(True).run()
    assert "1712" in html(saved)


def test_selection_is_kept_as_a_draft_and_saved(saved: AppTest, store: Store, used: str) -> None:
    keyed(saved.selectbox, "shots_select_").set_value("first").run()
    assert not saved.exception
    assert store.draft(used, "few-shot", "good")["select"] == "first"
    keyed(saved.number_input, "shots_k_").set_value(1).run()
    assert "**1 example**" in words(saved)
    saved.button(key="few_shot_save").click().run()
    assert store.version(used, "few-shot", "good").body["k"] == 1


def test_looking_at_a_set_that_shows_none_does_not_change_its_number(app: App, used: str, store: Store) -> None:
    body = {"examples": SHOTS, "select": "first", "k": 0, "seed": 0, "template": ""}
    store.save_version(used, "few-shot", "none", body, "")
    test = app(PAGE, project=used, prompts_view="Few-shot", few_shot="none")
    assert not test.exception
    assert keyed(test.number_input, "shots_k_").value == 0
    # Nothing was changed, so there is nothing to save.
    assert test.button(key="few_shot_save").disabled


def test_nearest_examples_use_the_embedding_model(saved: AppTest, script: Callable[..., object]) -> None:
    script(["unused"])
    keyed(saved.selectbox, "shots_select_").set_value("nearest").run()
    assert not saved.exception
    assert "**2 examples**" in words(saved)


def test_a_set_is_offered_to_prompts(app: App, saved: AppTest, used: str) -> None:
    test = app(PAGE, project=used, prompts_view="Editor")
    keyed(test.selectbox, "prompt_shots_").set_value("good").run()
    assert not test.exception
    assert "The warden" in html(test)


def test_examples_are_text(app: App, used: str, store: Store) -> None:
    store.save_version(used, "few-shot", "x", {"examples": [{"question": "<img src=x>", "answer": "<b>y</b>"}]})
    page_html = html(app(PAGE, project=used, prompts_view="Few-shot", few_shot="x"))
    assert "<img" not in page_html
    assert "&lt;b&gt;y&lt;/b&gt;" in page_html


def imported(test: AppTest, name: str, data: bytes, *, replace: bool = False) -> AppTest:
    keyed(test.file_uploader, "shots_file").set_value((name, data, "application/octet-stream"))
    test.toggle(key="shots_replace").set_value(replace)
    return test.button(key="shots_import").click().run()


FILES = {
    "shots.csv": "question,answer,context\nWho rings the bell?,The sexton,A tower\n",
    "shots.tsv": "input\toutput\nWho rings the bell?\tThe sexton\n",
    "shots.jsonl": '{"prompt": "Who rings the bell?", "completion": "The sexton"}\n',
    "chat.jsonl": '{"messages": [{"role": "user", "content": "Who rings the bell?"}, '
    '{"role": "assistant", "content": "The sexton"}]}\n',
}


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_is_imported_beside_what_is_there(saved: AppTest, store: Store, used: str, name: str) -> None:
    test = imported(saved, name, FILES[name].encode())
    assert not test.exception
    examples = store.draft(used, "few-shot", "good")["examples"]
    assert len(examples) == len(SHOTS) + 1
    assert (examples[-1]["question"], examples[-1]["answer"]) == ("Who rings the bell?", "The sexton")
    assert ("context" in examples[-1]) == (name == "shots.csv")
    assert "The sexton" in html(test)


def test_an_import_can_take_the_place_of_what_is_there(saved: AppTest, store: Store, used: str) -> None:
    imported(saved, "shots.csv", FILES["shots.csv"].encode(), replace=True)
    assert [e["answer"] for e in store.draft(used, "few-shot", "good")["examples"]] == ["The sexton"]


def test_a_question_that_is_there_already_is_not_imported_again(saved: AppTest, store: Store, used: str) -> None:
    imported(saved, "shots.csv", b"question,answer\nWho keeps the light?,Nobody\n")
    assert store.draft(used, "few-shot", "good")["examples"] == SHOTS


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("bad.jsonl", b'{"question": "a", "answer": "b"}\n{broken\n', "bad.jsonl line 2"),
        ("bad.csv", b"question,remark\nWho?,x\n", "no `answer`"),
        ("bad.csv", "question,answer\nWer?,Müller\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_changes_nothing(
    saved: AppTest, store: Store, used: str, name: str, data: bytes, told: str
) -> None:
    test = imported(saved, name, data)
    assert not test.exception
    assert told in words(test)
    assert store.draft(used, "few-shot", "good") is None


def test_importing_without_a_file_says_so(saved: AppTest) -> None:
    test = saved.button(key="shots_import").click().run()
    assert not test.exception
    assert "Choose a file first." in words(test)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[File]:
    """What the export buttons hand over."""
    matches: list[File] = []
    text = prompt_few_shot.downloads

    def listening(key: str, *files: File) -> None:
        matches[:] = files
        text(key, *files)

    monkeypatch.setattr(prompt_few_shot, "downloads", listening)
    return matches


def test_a_set_is_exported_in_three_forms_that_can_be_read_again(
    offered: list[File], app: App, used: str, store: Store
) -> None:
    store.save_version(used, "few-shot", "good", {"examples": SHOTS})
    test = app(PAGE, project=used, prompts_view="Few-shot", few_shot="good")
    assert {"CSV", "JSONL", "OpenAI chat JSONL"} <= {button.label for button in test.get("download_button")}
    assert [file_name for _, _, file_name in offered] == ["good.csv", "good.jsonl", "good-chat.jsonl"]
    for _, data, file_name in offered:
        assert callable(data)
        assert read_few_shot(data(), file_name) == SHOTS


def test_what_is_half_typed_is_not_exported(offered: list[File], app: App, used: str, store: Store) -> None:
    store.save_draft(used, "few-shot", "", {"name": "new", "examples": [{"question": "Who?"}]})
    test = app(PAGE, project=used, prompts_view="Few-shot")
    assert not test.exception
    assert not offered
