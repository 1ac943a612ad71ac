"""Every page knows the same endpoints, and what asks one of them starts with a pilot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments import doctor
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.runs.store import Store
from llmopt_ui.finetuning import evaluation_start

APP = Path(__file__).parents[2] / "app.py"
KEY = "sk-of-the-secrets-file"


@pytest.fixture
def start(used: str) -> Callable[..., AppTest]:
    """The app with a key in its secrets file alone."""

    def open_page(page: str, **query: str) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        test.secrets["OPENAI_API_KEY"] = KEY
        test.query_params["project"] = used
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        return test.switch_page(page).run()

    return open_page


def test_an_endpoint_whose_key_is_in_the_secrets_file_counts_tokens(start: Callable[..., AppTest]) -> None:
    test = start("pages/prompt_lab.py", prompts_view="Editor")
    assert not test.exception
    choice = next(field for field in test.selectbox if field.label == "Counted for")
    assert "openai" in choice.options


def test_an_endpoint_whose_key_is_in_the_secrets_file_can_judge(
    start: Callable[..., AppTest], store: Store, used: str
) -> None:
    store.save_version(used, "prompt", "plain", {"template": "Question: {{ question }}"})
    test = start("pages/prompt_lab.py", prompts_view="Side by side")
    assert not test.exception
    choice = next(field for field in test.selectbox if field.label == "Judge")
    assert "openai" in choice.options


def test_the_check_of_this_machine_knows_the_secrets_file(
    start: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Mapping[str, str]] = []

    async def examine(environ: Mapping[str, str]) -> list[doctor.Finding]:
        given.append(environ)
        return []

    monkeypatch.setattr(doctor, "examine", examine)
    test = start("pages/settings.py", settings_view="Built-in models")
    next(button for button in test.button if button.label == "Check this machine").click().run()
    assert [environ.get("OPENAI_API_KEY") for environ in given] == [KEY]


@pytest.mark.parametrize(("endpoint", "expected"), [("openai", "pilot"), ("", "evaluation")])
def test_an_evaluation_of_the_fine_tuning_page_with_embeddings_of_a_service_starts_with_a_pilot(
    store: Store, used: str, monkeypatch: pytest.MonkeyPatch, endpoint: str, expected: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    calls: list[str] = []
    monkeypatch.setattr(evaluation_start, "check_start", lambda plan: None)
    monkeypatch.setattr(evaluation_start, "start_pilot", lambda *args: calls.append("pilot"))
    monkeypatch.setattr(evaluation_start, "start_evaluation", lambda *args: calls.append("evaluation"))
    for name in ("switch_page", "rerun"):
        monkeypatch.setattr(evaluation_start.st, name, lambda *args, **options: None)
    rag = configuration_from(next(item.spec for item in store.configurations(used) if item.name == "rag"))
    assert rag.retrieval is not None
    embedding = rag.retrieval.embedding.model_copy(update={"endpoint": endpoint, "model": "text-embedding-3-small"})
    paid = rag.model_copy(update={"retrieval": rag.retrieval.model_copy(update={"embedding": embedding})})
    questions = store.evaluation_sets(used)[0]
    evaluation_start.evaluate_configurations(store.project(used), [paid], questions, ("answer_f1",), None)
    assert calls == [expected]
