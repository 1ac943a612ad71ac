"""The Editor tab of the prompt lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store

App = Callable[..., AppTest]
PAGE = "pages/prompt_lab.py"


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join(str(part.value) for part in parts)


def field(test: AppTest, start: str):
    """The text area or input whose key starts so."""
    matches = [item for item in [*test.text_area, *test.text_input] if item.key and item.key.startswith(start)]
    assert len(matches) == 1, [item.key for item in matches]
    return matches[0]


@pytest.fixture
def editor(app: App, used: str) -> AppTest:
    return app(PAGE, project=used, prompts_view="Editor")


def test_the_first_visit_offers_the_prompts_of_the_configurations(editor: AppTest, store: Store, used: str) -> None:
    assert not editor.exception
    editor.button(key="prompt_take_over").click().run()
    assert not editor.exception
    assert [version.name for version in store.versions(used, "prompt")] == ["baseline", "rag"]
    assert editor.selectbox(key="prompt").value == "rag"
    assert "Passage" in field(editor, "prompt_text_template").value


def test_a_prompt_is_typed_saved_and_shown_again(editor: AppTest, store: Store, used: str) -> None:
    field(editor, "prompt_name").set_value("terse").run()
    field(editor, "prompt_text_system").set_value("Answer in three words.").run()
    field(editor, "prompt_note").set_value("first try").run()
    editor.button(key="prompt_save").click().run()
    assert not editor.exception
    (version,) = store.versions(used, "prompt")
    assert (version.name, version.number, version.note) == ("terse", 1, "first try")
    assert version.body["system"] == "Answer in three words."
    assert editor.selectbox(key="prompt").value == "terse"
    assert "Saved as version 1." in words(editor)


def test_every_change_is_kept_as_a_draft_for_other_pages_and_sessions(
    app: App, editor: AppTest, store: Store, used: str
) -> None:
    field(editor, "prompt_text_system").set_value("Half a sente").run()
    editor.switch_page("pages/evaluation.py").run()
    editor.switch_page(PAGE).run()
    assert field(editor, "prompt_text_system").value == "Half a sente"
    other = app(PAGE, project=used)
    assert field(other, "prompt_text_system").value == "Half a sente"
    assert "The draft is kept" in words(other)


def test_a_change_made_in_the_moment_of_leaving_the_page_is_kept(editor: AppTest, store: Store, used: str) -> None:
    field(editor, "prompt_text_system").set_value("Last words")
    editor.switch_page("pages/evaluation.py").run()
    assert store.draft(used, "prompt", "")["system"] == "Last words"


def test_undefined_and_unused_variables_are_named(editor: AppTest) -> None:
    field(editor, "prompt_text_template").set_value("{{ question }} {{ colour }}").run()
    assert "Undefined" in words(editor)
    assert "`colour`" in words(editor)


def test_a_template_that_is_wrong_is_one_sentence(editor: AppTest) -> None:
    field(editor, "prompt_text_template").set_value("{{ question").run()
    assert not editor.exception
    assert "not valid Jinja2" in words(editor)
    editor.button(key="prompt_save").click().run()
    assert not editor.exception
    assert "not valid Jinja2" in words(editor)


def test_a_template_cannot_hang_the_page(editor: AppTest) -> None:
    field(editor, "prompt_text_template").set_value("{% for i in range(1000000000) %}x{% endfor %}").run()
    assert not editor.exception
    assert "template" in words(editor)


def test_the_preview_shows_tokens_and_price(editor: AppTest) -> None:
    cells = {metric.label: metric.value for metric in editor.metric}
    assert int(cells["Tokens"]) > 5
    assert cells["Price of the prompt"] == "free"
    assert "When was the harbour built?" in "".join(str(block.proto.body) for block in editor.get("html"))


def test_building_blocks_are_added_with_why(editor: AppTest, store: Store, used: str) -> None:
    editor.button(key="prompt_block_time-to-think").click().run()
    assert not editor.exception
    assert "Answer:" in field(editor, "prompt_text_template").value
    assert "(?P<answer>" in field(editor, "prompt_extract").value
    editor.button(key="prompt_block_subtasks").click().run()
    assert field(editor, "prompt_step_name").value == "facts"
    assert store.draft(used, "prompt", "")["steps"][0]["name"] == "facts"


def test_versions_have_labels_differences_and_can_be_restored(app: App, store: Store, used: str) -> None:
    for number, text in enumerate(("one", "two"), 1):
        store.save_version(used, "prompt", "p", {"template": text + " {{ question }}"}, f"note {number}")
    test = app(PAGE, project=used, prompt="p")
    html = "".join(str(block.proto.body) for block in test.get("html"))
    assert "<del>one </del><ins>two </ins>" in html
    test.button(key="version_label_set_prompt_p_1").click().run()
    assert store.version(used, "prompt", "p", "production").number == 1
    test.button(key="version_restore_prompt_p_1").click().run()
    assert not test.exception
    assert store.version(used, "prompt", "p").body["template"] == "one {{ question }}"
    assert field(test, "prompt_text_template").value == "one {{ question }}"


def test_the_newest_change_is_offered_after_a_save(app: App, store: Store, used: str) -> None:
    for text in ("one", "two"):
        store.save_version(used, "prompt", "p", {"system": "Be kind.", "template": f"{text} {{{{ question }}}}"})
    test = app(PAGE, project=used, prompt="p")
    assert pair(test) == (1, 2)
    field(test, "prompt_text_template").set_value("three {{ question }}").run()
    assert pair(test) == (2, 0)
    test.button(key="prompt_save").click().run()
    assert not test.exception
    assert pair(test) == (2, 3)
    differing = "".join(str(block.proto.body) for block in test.get("html"))
    assert "<del>two </del><ins>three </ins>" in differing
    assert "Unchanged: System" in words(test)


def pair(test: AppTest) -> tuple[int, int]:
    """The versions that are compared."""
    choice = [box.value for name in ("From", "To") for box in test.selectbox if box.label == name]
    return choice[0], choice[1]


def test_white_space_and_new_parts_are_told_in_the_differences(app: App, store: Store, used: str) -> None:
    store.save_version(used, "prompt", "p", {"template": "Say it.\n\n{{ question }}"})
    store.save_version(used, "prompt", "p", {"system": "Be kind.", "template": "Say it.\n{{ question }}"})
    test = app(PAGE, project=used, prompt="p")
    html = "".join(str(block.proto.body) for block in test.get("html"))
    assert "Say it.\n<del>↵</del>{{ question }}" in html
    assert "Only white space differs" in html
    assert "<ins>Be kind.</ins>" in html
    assert "**System message** is new" in words(test)
    assert "[System]" not in html


def test_text_of_users_is_never_html(editor: AppTest) -> None:
    field(editor, "prompt_text_template").set_value("<img src=x onerror=alert(1)> {{ question }}").run()
    html = "".join(str(block.proto.body) for block in editor.get("html"))
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_note_that_is_typed_survives_another_page(app: App, editor: AppTest, store: Store, used: str) -> None:
    field(editor, "prompt_text_system").set_value("Answer briefly.").run()
    field(editor, "prompt_note").set_value("why it is brief").run()
    editor.switch_page("pages/evaluation.py").run()
    editor.switch_page(PAGE).run()
    assert field(editor, "prompt_note").value == "why it is brief"
    again = app(PAGE, project=used, prompts_view="Editor")
    assert field(again, "prompt_note").value == "why it is brief"
