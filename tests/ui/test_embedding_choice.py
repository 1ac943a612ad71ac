"""Embedding models of an endpoint are a list to choose from, wherever one is chosen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import EmbeddingModel, Endpoint, load_endpoints
from llmopt_core.models.model_lists import model_lists_of
from llmopt_core.models.probe import EndpointReport
from llmopt_core.runs.store import Store
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"
LISTED = ("bge-m3", "gpt-large", "text-embedding-3-small")


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def field(test: AppTest, name: str):
    return next(item for item in test.selectbox if str(item.key).startswith(name))


def texts(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def editor(app: App) -> AppTest:
    return app(PAGE, evaluation_view="Configurations", edited="rag")


@pytest.fixture
def endpoint(app: App) -> Endpoint:
    app()
    endpoint = Endpoint(name="paid", base_url="http://127.0.0.1:9/v1", models=LISTED,
                    embeddings={"own-model": EmbeddingModel(window=512)})  # fmt: skip
    save_endpoint(resources.settings(), endpoint)
    return endpoint


def embedding_of(store: Store) -> dict[str, object]:
    spec = next(item for item in store.configurations("sample") if item.name == "rag").spec
    return dict(spec["retrieval"]["embedding"])


def test_a_configuration_takes_one_from_the_list_or_by_name(app: App, store: Store, endpoint: Endpoint) -> None:
    test = editor(app)
    field(test, "edit_embedding_endpoint").set_value("paid").run()
    choice = next(box for box in test.selectbox if "_paid_of_paid" in str(box.key))
    assert choice.options == ["own-model", "bge-m3", "text-embedding-3-small"]
    assert choice.value == "own-model"
    choice.set_value("bge-m3").run()
    press(test, "Save configuration")
    assert not test.exception
    assert (embedding_of(store)["endpoint"], embedding_of(store)["model"]) == ("paid", "bge-m3")

    test = editor(app)
    choice = next(box for box in test.selectbox if "_paid_of_paid" in str(box.key))
    assert choice.value == "bge-m3"

    # One that no list has, as typed or written in YAML, stays.
    item = next(item for item in store.configurations("sample") if item.name == "rag")
    item.spec["retrieval"]["embedding"]["model"] = "unheard-of"
    store.save_configuration("sample", "rag", item.spec, "another")
    press(editor(app), "Save configuration")
    assert embedding_of(store)["model"] == "unheard-of"

    test = editor(app)
    field(test, "edit_embedding_endpoint").set_value("On this machine").run()
    press(test, "Save configuration")
    assert (embedding_of(store)["endpoint"], embedding_of(store)["model"]) == ("", "all-MiniLM-L6-v2")


def test_a_sweep_takes_one_from_the_list(app: App, used: str, endpoint: Endpoint) -> None:
    test = app("pages/documents.py", project=used, documents_tab="Sweep")
    test.selectbox(key="sweep_endpoint").set_value("paid").run()
    assert test.selectbox(key="sweep_model_paid_of_paid").options == ["own-model", "bge-m3", "text-embedding-3-small"]


def test_a_model_that_is_switched_off_warns_where_it_is_chosen(app: App, endpoint: Endpoint) -> None:
    report = EndpointReport(True, LISTED, "", 0.1, {"bge-m3": "2027-01-31"})
    model_lists_of(resources.settings().home).keep(endpoint, report)
    test = editor(app)
    field(test, "edit_embedding_endpoint").set_value("paid").run()
    choice = next(box for box in test.selectbox if "_paid_of_paid" in str(box.key))
    choice.set_value("bge-m3").run()
    assert "It is switched off on 2027" in texts(test)


def test_settings_list_those_that_the_endpoint_has(app: App, endpoint: Endpoint) -> None:
    test = app("pages/settings.py")
    (table,) = [frame.value for frame in test.dataframe if "Window" in frame.value.columns]
    assert list(table["Model"]) == ["own-model", "bge-m3", "text-embedding-3-small"]
    press(test, "Save embedding models")
    assert load_endpoints(resources.settings())["paid"].embeddings == {"own-model": EmbeddingModel(window=512)}


def test_an_endpoint_without_a_list_needs_a_name(app: App, store: Store, endpoint: Endpoint) -> None:
    save_endpoint(resources.settings(), Endpoint(name="bare", base_url="http://127.0.0.1:9/v1"))
    test = editor(app)
    field(test, "edit_embedding_endpoint").set_value("bare").run()
    press(test, "Save configuration")
    assert "Name the embedding model at bare" in texts(test)
    assert embedding_of(store)["endpoint"] == ""
