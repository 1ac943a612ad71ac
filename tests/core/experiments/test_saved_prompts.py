"""Saved prompts, by version and label, as prompts of an experiment file's configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.experiments.versions.prompts import PROMPT, save_prompt
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

HEAD = "project: rivers\nevaluation_set: questions.jsonl\nmetrics: [answer_f1]\nconfigurations:\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(Settings(home=tmp_path / "home"))
    store.ensure_project("rivers")
    for number in (1, 2, 3):
        save_prompt(store, "rivers", "support", PromptSpec(system=f"v{number}", template="Q {{ question }}"), "")
    store.set_label("rivers", PROMPT, "support", "production", 2)
    return store


def load(folder: Path, store: Store | None, *configurations: str) -> tuple[Configuration, ...]:
    (folder / "questions.jsonl").write_text('{"question": "Which river?"}\n')
    path = folder / "e.yaml"
    path.write_text(HEAD + "".join(f"  - {line}\n" for line in configurations))
    return load_experiment(path, store=store).configurations


@pytest.mark.parametrize(
    ("prompt", "system"),
    [
        ("{saved: support}", "v3"),
        ("{saved: support, label: production}", "v2"),
        ("{saved: support, version: 1}", "v1"),
        ("{saved: support@production}", "v2"),
        ("{saved: support, system: own}", "own"),
    ],
)
def test_a_saved_prompt_is_named(tmp_path: Path, store: Store, prompt: str, system: str) -> None:
    (result,) = load(tmp_path, store, f"{{name: a, prompt: {prompt}}}")
    assert (result.prompt.system, result.prompt.template) == (system, "Q {{ question }}")


def test_it_goes_over_what_is_extended_and_a_moved_label_changes_nothing(tmp_path: Path, store: Store) -> None:
    lines = ("{name: a, prompt: {system: base, template: base}}",
             "{name: b, extends: a, prompt: {saved: support, label: production}}",
             '{name: c, extends: b, prompt: {template: "own {{ question }}"}}')  # fmt: skip
    _, b, c = load(tmp_path, store, *lines)
    assert (b.prompt.system, b.prompt.template) == ("v2", "Q {{ question }}")
    assert (c.prompt.system, c.prompt.template) == ("v2", "own {{ question }}")
    written_out = {"system": "v2", "template": "Q {{ question }}"}
    assert b.fingerprint == Configuration.model_validate({"name": "x", "prompt": written_out}).fingerprint


def test_the_store_of_the_environment_is_asked_where_none_is_given(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPT_HOME", str(tmp_path / "home"))
    (result,) = load(tmp_path, None, "{name: a, prompt: {saved: support}}")
    assert result.prompt.system == "v3"


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (
            "{saved: suport}",
            "e.yaml line 5: the project rivers has no saved prompt suport; save it on the page Prompts.",
        ),
        ("{saved: support, label: live}", "no saved prompt support, label live"),
        ("{saved: support, version: 9}", "no saved prompt support, version 9"),
        ("{label: production}", "`saved` is the name of a saved prompt"),
        ("{saved: [a]}", "`saved` is the name of a saved prompt"),
        ("{saved: support, label: production, version: 2}", "name a label or a version of the saved prompt, not both"),
        ("{saved: support, version: true}", "a version a whole number"),
    ],
)
def test_what_is_not_there_is_told_with_its_line(tmp_path: Path, store: Store, prompt: str, told: str) -> None:
    with pytest.raises(BadInput, match=r"e\.yaml line 5: ") as error:
        load(tmp_path, store, f"{{name: a, prompt: {prompt}}}")
    assert told in str(error.value)
