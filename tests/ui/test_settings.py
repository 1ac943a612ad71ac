"""Endpoints, keys and prices; what is built in; where things are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import BadInput
from llmopt_core.models import model_lists
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import EmbeddingModel, Endpoint, load_endpoints
from llmopt_ui import resources
from llmopt_ui.settings.embedding_models import embedding_models_from
from llmopt_ui.settings.endpoints import prices_from
from tests.stub_endpoint import StubEndpoint

App = Callable[..., AppTest]
PAGE = "pages/settings.py"
SECRET = "sk-very-secret-0123456789"


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def texts(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def add(test: AppTest, name: str, url: str, variable: str = "") -> AppTest:
    fields = {field.label: field for field in test.text_input}
    fields["Name"].input(name)
    fields["Base URL"].input(url)
    fields["Variable that holds its key"].input(variable)
    return press(test, "Add endpoint")


@pytest.fixture
def endpoints_file(workspace: Path) -> Path:
    return workspace / "endpoints.yaml"


def test_an_endpoint_is_added_and_removed(app: App, endpoints_file: Path) -> None:
    test = add(app(PAGE), "local", "http://127.0.0.1:9/v1/")
    assert not test.exception
    assert load_endpoints(resources.settings())["local"].base_url == "http://127.0.0.1:9/v1"
    press(test, "Remove")
    assert load_endpoints(resources.settings()) == {}


def test_an_endpoint_is_edited(app: App, endpoints_file: Path) -> None:
    test = add(app(PAGE), "local", "http://127.0.0.1:9/v1")
    test.text_input(key="endpoint_edit_url_local").input("http://127.0.0.1:10/v1")
    test.text_area(key="endpoint_edit_parameters_local").input("max_tokens = max_completion_tokens\nseed =")
    test.number_input(key="endpoint_edit_batch_local").set_value(10)
    test.text_area(key="endpoint_edit_models_local").input("small\nlarge\n")
    test.checkbox(key="endpoint_edit_thinks_local").check()
    press(test, "Save endpoint")
    endpoints = load_endpoints(resources.settings())["local"]
    assert endpoints.base_url == "http://127.0.0.1:10/v1"
    assert endpoints.begins_with_thinking
    assert (endpoints.embedding_batch, endpoints.models) == (10, ("small", "large"))
    assert endpoints.parameters == {"max_tokens": "max_completion_tokens", "seed": None}
    test.text_area(key="endpoint_edit_parameters_local").input("colour = red")
    assert "Parameters, line 1" in texts(press(test, "Save endpoint"))


def test_a_short_wait_of_the_file_is_shown_and_none_is_refused(app: App) -> None:
    save_endpoint(resources.settings(), Endpoint(name="local", base_url="http://127.0.0.1:9/v1", timeout_seconds=0.5))
    test = app(PAGE)
    assert not test.exception
    assert test.number_input(key="endpoint_edit_seconds_local").value == 0.5
    test.number_input(key="endpoint_edit_seconds_local").set_value(0.0)
    press(test, "Save endpoint")
    assert not test.exception
    assert load_endpoints(resources.settings())["local"].timeout_seconds == 0.5


def test_a_price_left_empty_is_not_nothing() -> None:
    table = pd.DataFrame([("m", 1.0, None)], columns=["Model", "Prompt", "Completion"])
    with pytest.raises(BadInput, match="m: the price under Completion is empty"):
        prices_from(table)
    assert prices_from(table.fillna({"Completion": 0.0}))["m"].completion == 0.0


def test_the_models_of_a_tested_endpoint_are_offered(app: App) -> None:
    with StubEndpoint() as stub:
        test = add(app(PAGE), "local", stub.url)
        test.button(key="endpoint_test_local").click().run()
        test.run()
    assert test.selectbox(key="endpoint_edit_model_local_3").options == ["stub-embedding", "stub-large", "stub-small"]


def test_the_models_of_an_endpoint_that_was_never_tested_are_offered_and_warn(app: App) -> None:
    with StubEndpoint() as stub:
        stub.mangle = lambda _: [{"id": "old", "shutdown_date": "2027-01-31"}, {"id": "new"}, {"id": "text-embed-3"}]
        save_endpoint(resources.settings(), Endpoint(name="local", base_url=stub.url, default_model="old"))
        test = app(PAGE)
        assert test.selectbox(key="endpoint_edit_model_local_3").options == ["old", "new", "text-embed-3"]
        (table,) = [frame.value for frame in test.dataframe if "Window" in frame.value.columns]
        assert list(table["Model"]) == ["text-embed-3"]
        assert ":orange[:material/warning: It is switched off on 2027\\-01\\-31.]" in texts(test)
        assert stub.paths == ["/v1/models"]
    # A later session has the list though nobody answers.
    model_lists._model_lists.clear()
    assert app(PAGE).selectbox(key="endpoint_edit_model_local_3").options == ["old", "new", "text-embed-3"]


def test_all_endpoints_are_asked_before_one_is_waited_for(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[tuple[str, bool]] = []

    def look_up(_: object, endpoint: Endpoint, key: str, wait: float = 0.0) -> model_lists.ModelList:
        questions.append((endpoint.name, wait > 0))
        return model_lists.ModelList()

    monkeypatch.setattr(model_lists.ModelLists, "look_up", look_up)
    for name in ("one", "two"):
        save_endpoint(resources.settings(), Endpoint(name=name, base_url=f"http://127.0.0.1:9/{name}"))
    app(PAGE)
    assert questions[:4] == [("builtin", False), ("one", False), ("two", False), ("one", True)]


def test_a_model_that_is_switched_off_warns_where_it_is_chosen(app: App) -> None:
    with StubEndpoint() as stub:
        stub.mangle = lambda _: [{"id": "old", "shutdown_date": "2027-01-31"}, {"id": "new"}]
        test = add(app(PAGE), "local", stub.url)
        test.button(key="endpoint_test_local").click().run()
        test.run()
        test.selectbox(key="endpoint_edit_model_local_2").set_value("old")
        press(test, "Save endpoint")
    assert ":orange[:material/warning: It is switched off on 2027\\-01\\-31.]" in texts(test)


def test_a_price_that_a_file_leaves_out_is_said(app: App, endpoints_file: Path) -> None:
    app()
    endpoints_file.write_text("mine: {base_url: 'http://127.0.0.1:9/v1', prices: {'*': {prompt: 1}}}")
    assert "the completion price is not known" in texts(app(PAGE))


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("", "http://127.0.0.1:9/v1", "Name"),
        ("local", "", "An endpoint needs a base URL"),
        ("local", "not a url", "Base URL"),
        ("local", "http://user:password@host/v1", "Base URL"),
        ("builtin", "http://127.0.0.1:9/v1", "is taken by the embedded model"),
    ],
)
def test_a_wrong_endpoint_is_refused_in_words(app: App, endpoints_file: Path, name: str, url: str, told: str) -> None:
    test = add(app(PAGE), name, url)
    assert not test.exception
    assert told in texts(test)
    assert not endpoints_file.exists()


@pytest.mark.parametrize("label", ["Name", "Variable that holds its key", "Default model"])
@pytest.mark.parametrize("key", ["sk-proj-a1B2c3D4e5F6g7H8i9J0", "gsk_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8"])
def test_a_key_in_the_wrong_field_is_neither_stored_nor_quoted(
    app: App, endpoints_file: Path, label: str, key: str
) -> None:
    test = app(PAGE)
    next(field for field in test.text_input if field.label == label).input(key)
    test = add(test, key if label == "Name" else "cloud", "http://127.0.0.1:9/v1",
               key if label.startswith("Variable") else "")  # fmt: skip
    told = next(text.value for text in [*test.text, *test.markdown] if f"{label}: " in text.value)
    assert key[:8] not in told
    assert not endpoints_file.exists()


def test_an_unreachable_endpoint_is_told_in_one_sentence(app: App) -> None:
    test = add(app(PAGE), "local", "http://127.0.0.1:9/v1")
    test.button(key="endpoint_test_local").click().run()
    assert not test.exception
    assert "cannot be reached" in texts(test)


def test_a_key_stays_in_the_session(app: App, workspace: Path, caplog: pytest.LogCaptureFixture) -> None:
    test = add(app(PAGE), "local", "http://127.0.0.1:9/v1", "LOCAL_KEY")
    assert "LOCAL_KEY is not set" in texts(test)
    test.text_input(key="endpoint_key_local").input(SECRET).run()
    test.button(key="endpoint_test_local").click().run()
    assert "Uses the key typed in this session." in texts(test)
    assert SECRET not in texts(test) + caplog.text + str(test.query_params)
    assert all(SECRET.encode() not in path.read_bytes() for path in workspace.rglob("*") if path.is_file())
    assert "LOCAL_KEY is not set" in texts(app(PAGE))


def test_a_key_of_the_secrets_file_is_used_and_not_shown(app: App) -> None:
    test = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=60)
    test.secrets["OPENAI_API_KEY"] = SECRET
    test.run()
    test.switch_page(PAGE).run()
    assert not test.exception
    assert "Uses the key in OPENAI\\_API\\_KEY" in texts(test) or "Uses the key in OPENAI_API_KEY" in texts(test)
    assert SECRET not in texts(test)


def test_an_endpoint_of_the_environment_is_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    test = app(PAGE)
    assert "**openai**" in texts(test)


def test_a_broken_endpoints_file_is_named(app: App, endpoints_file: Path) -> None:
    app()
    endpoints_file.write_text("local: {base_url: http://127.0.0.1:9/v1, api_key: abc}")
    test = app(PAGE)
    assert not test.exception
    assert "endpoints.yaml" in texts(test)
    assert "holds a key" in texts(test)


def test_the_workspace_is_named(app: App, workspace: Path) -> None:
    test = app(PAGE, settings_view="Workspace")
    assert not test.exception
    assert "llmopt.db" in " ".join(test.table[0].value["Where"]).replace("\\", "")


def test_the_password_of_a_vector_server_is_not_shown(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPT_CHROMA_URL", f"http://me:{SECRET}@127.0.0.1:9/chroma")
    resources.settings.clear()
    test = app(PAGE, settings_view="Workspace")
    assert not test.exception
    text = " ".join(test.table[0].value["Where"]).replace("\\", "")
    assert "127.0.0.1:9/chroma" in text
    assert SECRET not in text


def test_embedding_models_of_an_endpoint_are_said(app: App, endpoints_file: Path) -> None:
    test = add(app(PAGE), "local", "http://127.0.0.1:9/v1")
    assert not test.exception
    table = pd.DataFrame(
        [("e5", "query: ", None, 512), ("mine", "", "text: ", None), (None, "x", None, 5)],
        columns=["Model", "Before a question", "Before a passage", "Window"],
    )
    result = embedding_models_from(table)
    assert result == {
        "e5": EmbeddingModel(query_prefix="query: ", window=512),
        "mine": EmbeddingModel(query_prefix="", passage_prefix="text: "),
    }
    save_endpoint(resources.settings(), load_endpoints(resources.settings())["local"].model_copy(
        update={"embeddings": result}
    ))  # fmt: skip
    test = press(app(PAGE), "Save embedding models")
    assert not test.exception
    assert load_endpoints(resources.settings())["local"].embeddings == result


def test_a_configuration_carries_further_fields_of_its_requests(app: App, workspace: Path) -> None:
    app()
    save_endpoint(
        resources.settings(), Endpoint(name="local", base_url="http://127.0.0.1:9/v1", models=("small", "large"))
    )
    test = app("pages/evaluation.py", project="sample", evaluation_view="Configurations")
    next(box for box in test.selectbox if box.key.startswith("edit_endpoint_")).set_value("local").run()
    next(box for box in test.selectbox if box.key.endswith("_of_local")).set_value("large").run()
    next(box for box in test.selectbox if box.key.startswith("edit_effort_")).set_value("low").run()
    next(box for box in test.text_area if box.key.startswith("edit_parameters_")).input("seed =").run()
    extra = next(box for box in test.text_area if box.key.startswith("edit_extra_"))
    extra.input("messages: []").run()
    assert "Further fields: extra_body cannot hold" in texts(test)
    next(box for box in test.text_area if box.key.startswith("edit_extra_")).input("top_k: 20").run()
    test.button(key="edit_save").click().run()
    assert not test.exception
    model = next(one.spec["model"] for one in resources.store().configurations("sample")
                 if one.spec["model"]["endpoint"] == "local")  # fmt: skip
    assert (model["name"], model["reasoning_effort"]) == ("large", "low")
    assert (model["parameters"], model["extra_body"]) == ({"seed": None}, {"top_k": 20})
