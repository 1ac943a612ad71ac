"""promptfoo files on the Prompts page."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from llmopt_core.models.endpoints import load_endpoints
from llmopt_core.models.trust import new_destinations
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

App = Callable[..., AppTest]
PAGE = "pages/prompt_lab.py"
CONFIG = """
prompts: ["Greet {{name}}", "Say hello to {{name}}"]
providers: [echo]
tests:
  - {description: plain, vars: {name: Ada}, assert: [{type: contains, value: Ada}]}
  - {description: scripted, vars: {name: Bob}, assert: [{type: javascript, value: "true"}]}
"""


def words(test: AppTest) -> str:
    parts = [*test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join([*(str(part.value) for part in parts), *(box.proto.body for box in test.get("html"))])


@pytest.fixture
def dialog(app: App, store: Store) -> AppTest:
    """The dialog, opened in a project without prompts."""
    store.ensure_project("new one")
    test = app(PAGE, project="new one", prompts_view="Side by side")
    test.button(key="promptfoo_open").click().run()
    assert not test.exception
    return test


def test_an_uploaded_file_is_compared_and_goes_back(dialog: AppTest, store: Store) -> None:
    dialog.file_uploader(key="promptfoo_files").upload("promptfooconfig.yaml", CONFIG.encode(), "text/yaml")
    dialog.button(key="promptfoo_import").click().run()
    assert not dialog.exception
    text = words(dialog)
    assert "2 prompts, 2 tests, 1 of them not run" in text
    assert "javascript" in str(dialog.table[0].value.to_dict("records"))
    assert [item.name for item in store.evaluation_sets("new one")] == ["promptfoo"]
    assert "2 answers · 1 row not run" in text.replace("\\", "")
    assert "no endpoint named" not in text
    dialog.button(key="comparison_start").click().run()
    assert not dialog.exception
    assert "1 of 1 passed" in words(dialog)
    assert "1 not run" in words(dialog)
    assert "1 of 2 answered" in words(dialog)
    assert "Not run: the assertion 'javascript'" in html.unescape(words(dialog))
    assert "Ask for them again" not in [button.label for button in dialog.button]
    assert not [button for button in dialog.button if str(button.key).startswith("cell_again_")]
    labels = [button.label for button in dialog.get("download_button")]
    assert labels == ["Page (HTML)", "Table (CSV)", "promptfoo (YAML)"]


def test_a_path_is_read_and_its_problem_is_one_sentence(dialog: AppTest, tmp_path: Path) -> None:
    dialog.button(key="promptfoo_import").click().run()
    assert "Choose a file, or type its path." in words(dialog)
    dialog.text_input(key="promptfoo_path").set_value(str(tmp_path / "none.yaml")).run()
    dialog.button(key="promptfoo_import").click().run()
    assert not dialog.exception
    assert "none.yaml" in words(dialog)
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG)
    assert yaml.safe_load(CONFIG)["providers"] == ["echo"]
    dialog.text_input(key="promptfoo_path").set_value(str(tmp_path)).run()
    dialog.button(key="promptfoo_import").click().run()
    assert not dialog.exception
    assert "2 prompts, 2 tests" in words(dialog)
    dialog.button(key="promptfoo_close").click().run()
    assert "Imported from promptfoo" not in words(dialog)


FOREIGN = """
prompts: ["Greet {{name}}"]
providers:
  - {id: "openai:chat:m", config: {apiBaseUrl: "https://else.where/v1"}}
  - groq:llama
tests: [{vars: {name: Ada}}]
"""


def test_new_hosts_are_named_and_confirmed_before_anything_is_saved(
    dialog: AppTest, store: Store, workspace: Path
) -> None:
    home = Settings(home=workspace)
    dialog.file_uploader(key="promptfoo_files").upload("promptfooconfig.yaml", FOREIGN.encode(), "text/yaml")
    dialog.button(key="promptfoo_import").click().run()
    assert not dialog.exception
    text = words(dialog)
    assert "https://else.where (no key)" in text
    assert "https://api.groq.com (key from GROQ_API_KEY)" in text
    assert store.evaluation_sets("new one") == []
    assert load_endpoints(home) == {}

    dialog.button(key="promptfoo_trust").click().run()
    assert not dialog.exception
    assert [item.name for item in store.evaluation_sets("new one")] == ["promptfoo"]
    assert set(load_endpoints(home)) == {"openai-else.where", "groq"}
    foreign = [one.from_file("again.yaml") for one in load_endpoints(home).values()]
    assert new_destinations(home, foreign, {}) == []
