"""An app over a workspace of its own, with models that answer from a script."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from llmopt_core.models.base import BUILTIN, BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_ui import resources

ROOT = Path(__file__).parents[2]


def _seed_module() -> object:
    spec = importlib.util.spec_from_file_location("ui_seed", Path(__file__).with_name("seed.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ui_seed"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace for this test alone; no endpoint and no key from outside."""
    for name in [name for name in os.environ if name.startswith(("LLMOPT_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLMOPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(ROOT)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path / "home"
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def store() -> Store:
    """The store that the app uses; the sample project is in it."""
    return resources.store()


@pytest.fixture
def used(store: Store) -> str:
    """The name of a project with documents, questions, three configurations and a finished run of each."""
    return str(_seed_module().seed_project(store))  # type: ignore[attr-defined]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedChat]:
    """Let a script stand for the built-in chat model, and word hashing for the embedding model."""

    def start(reply: Callable[[ChatRequest], str] | list[object]) -> ScriptedChat:
        chat, embedder = ScriptedChat(reply), HashEmbedder()  # type: ignore[arg-type]

        def plug_in(models: Models) -> None:
            models.register(BUILTIN, chat)
            models.register_embedder(BUILTIN_EMBEDDING, embedder)

        monkeypatch.setattr(resources, "model_plugins", [plug_in])
        return chat

    return start


@pytest.fixture
def app() -> Callable[..., AppTest]:
    """Start the app on a page: `app("pages/evaluation.py", project="harbour", evaluation_view="Run")`."""

    def start(page: str = "", /, **query: str) -> AppTest:
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        if page:
            test.switch_page(page).run()
        return test

    return start
