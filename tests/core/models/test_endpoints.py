from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import (
    Endpoint,
    Prices,
    builtin_endpoint,
    endpoints_from,
    endpoints_in,
    endpoints_path,
    load_endpoints,
)  # fmt: skip
from llmopt_core.settings import Settings


def from_file(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, Endpoint]:
    file = tmp_path / "endpoints.yaml"
    file.write_text(text)
    return endpoints_from(Settings(home=tmp_path, endpoints_file=file), environ or {})


def test_without_anything_there_is_the_builtin_model(tmp_path: Path):
    endpoints = endpoints_from(Settings(home=tmp_path), {})

    assert list(endpoints) == ["builtin"]
    assert endpoints["builtin"].mode == "completion"
    assert endpoints["builtin"].usage("any", 1000, 1000).cost_usd == 0.0


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OPENAI_API_KEY": "sk-x"}, "https://api.openai.com/v1"),
        ({"OPENAI_BASE_URL": "http://localhost:11434/v1/"}, "http://localhost:11434/v1"),
    ],
)
def test_the_environment_adds_openai(tmp_path: Path, environ: dict[str, str], url: str):
    openai = endpoints_from(Settings(home=tmp_path), environ)["openai"]

    assert openai.base_url == url
    assert openai.api_key_env == "OPENAI_API_KEY"
    assert "sk-x" not in repr(openai) + openai.model_dump_json()


def test_a_file_adds_others(tmp_path: Path):
    result = from_file(
        tmp_path,
        """
endpoints:
  mine:
    base_url: http://localhost:8000/v1
    api_key_env: MY_KEY
    default_model: qwen
    prices: {qwen: {prompt: 1, completion: 2, cached_prompt: 0.5}, "*": {prompt: 4, completion: 0}}
  openai:
    base_url: https://proxy.example/v1
""",
        {"OPENAI_API_KEY": "k"},
    )

    assert list(result) == ["builtin", "openai", "mine"]
    assert result["openai"].base_url == "https://proxy.example/v1"
    assert result["mine"].usage("qwen", 1_000_000, 1_000_000).cost_usd == pytest.approx(3.0)
    assert result["mine"].usage("qwen", 1_000_000, 0, cached_tokens=400_000).cost_usd == pytest.approx(0.8)
    assert result["mine"].usage("other", 1_000_000, 1_000_000).cost_usd == pytest.approx(4.0)


def test_a_model_without_price_costs_something_unknown():
    assert Endpoint(name="x", prices={"a": Prices(prompt=1)}).usage("b", 5, 5).cost_usd is None


def test_cached_tokens_cost_the_full_price_by_default():
    assert Prices(prompt=2.0).cost(1_000_000, 0, 1_000_000) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mine: {base_url: http://x/v1, colour: red}", "endpoints.yaml: endpoint 'mine': colour: unknown setting"),
        ("mine: {base_url: http://x/v1, prices: {a: {promt: 1}}}", "prices.a.promt: unknown setting"),
        ("mine: {base_url: http://x/v1, timeout_seconds: yes}", "'mine': timeout_seconds should be a number, not yes"),
        ("mine: {base_url: http://x/v1, max_retries: no}", "'mine': max_retries should be a number, not no"),
        ("mine: {base_url: http://x/v1, prices: {a: {prompt: yes}}}", "prices.a: prompt should be a number, not yes"),
        ("mine: {base_url: http://x/v1, embeddings: {a: {window: on}}}", "window should be a number, not yes"),
        ("mine: {base_url: localhost:8000}", "'mine': base_url must be a web address such as https://host:8000/v1"),
        ("mine: {base_url: 'http://[x/v1'}", "base_url"),
        ("mine: {base_url: 'http://host:99999999/v1'}", "base_url"),
        ("mine: {base_url: 'https://me:secret@host/v1'}", "must not hold a password"),
        ("mine: {default_model: a}", "endpoint 'mine' needs a base_url"),
        ("mine: 5", "endpoint 'mine' must be a mapping"),
        ("[1, 2]", "endpoints must be a mapping"),
        ("builtin: {base_url: http://x/v1}", "the name 'builtin' is taken"),
        ("mine: {base_url: http://x/v1, api_key: sk-secret}", "take the key out of the file"),
        ("mine: {base_url: http://x/v1, max_concurrency: 0}", "max_concurrency"),
        ("mine: {base_url: http://x/v1, prices: {a: {prompt: -1}}}", "prices.a.prompt"),
        ("mine: {base_url: http://x/v1\nother: 1", "line 2: this is not valid YAML"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(tmp_path: Path, text: str, words: str):
    with pytest.raises(BadInput) as error:
        from_file(tmp_path, text)

    assert words in str(error.value)
    assert "endpoints.yaml" in str(error.value)
    assert "secret" not in str(error.value)


def test_an_absent_file(tmp_path: Path):
    with pytest.raises(BadInput, match=r"absent\.yaml: the endpoints file cannot be read"):
        endpoints_from(Settings(home=tmp_path, endpoints_file=tmp_path / "absent.yaml"), {})


def test_a_wrong_address_in_the_environment(tmp_path: Path):
    with pytest.raises(BadInput, match="OPENAI_BASE_URL"):
        endpoints_from(Settings(home=tmp_path), {"OPENAI_BASE_URL": "not a url"})


def test_an_empty_list_is_fine(tmp_path: Path):
    assert list(from_file(tmp_path, "")) == ["builtin"]
    assert endpoints_in(None, "experiment.yaml") == {}


@pytest.mark.parametrize(
    "key", ["sk-abc123", "sk-proj-a1B2c3D4e5F6g7H8i9J0", "gsk_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5", "0123456789abcdef" * 2]
)
def test_the_key_variable_cannot_be_a_key(tmp_path: Path, key: str):
    with pytest.raises(ValidationError) as wrong:
        Endpoint(name="x", base_url="http://x/v1", api_key_env=key)
    with pytest.raises(BadInput) as error:
        from_file(tmp_path, f"mine: {{base_url: http://x/v1, api_key_env: '{key}'}}")

    assert "'mine': api_key_env: the name of an environment variable is expected" in str(error.value)
    assert key[:12] not in f"{error.value} {wrong.value}"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "groq_token", "KEY2", "HF_TOKEN_FOR_PROJECT_2024", ""])
def test_names_of_variables_are_no_keys(variable: str):
    assert Endpoint(name="x", base_url="http://x/v1", api_key_env=variable).api_key_env == variable


@pytest.mark.parametrize(
    "setting",
    ["default_model: KEY", "models: [a, KEY]", "base_url: 'http://x/v1?key=KEY'", "max_retries: KEY", "prices: KEY",
     "mode: KEY", "KEY: 1"],
)  # fmt: skip
@pytest.mark.parametrize("key", ["sk-proj-a1B2c3D4e5F6g7H8i9J0", "AIzaa1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H"])
def test_a_key_anywhere_in_the_file_is_refused_and_not_shown(tmp_path: Path, setting: str, key: str):
    with pytest.raises(BadInput) as error:
        from_file(tmp_path, f"mine:\n  base_url: http://x/v1\n  {setting.replace('KEY', key)}\n")

    assert "'mine'" in str(error.value)
    assert key[:12] not in str(error.value)


def test_a_key_as_the_name_of_a_model_in_the_environment(tmp_path: Path):
    with pytest.raises(BadInput, match=r"^OPENAI_MODEL: default_model: this looks like a key"):
        endpoints_from(Settings(home=tmp_path), {"OPENAI_API_KEY": "x", "OPENAI_MODEL": "sk-proj-a1B2c3D4e5F6g7H8i9J0"})


def test_a_key_that_was_saved_as_a_variable_once_is_forgotten(tmp_path: Path):
    settings = Settings(home=tmp_path)
    endpoints_path(settings).write_text(
        "old: {base_url: http://x/v1, api_key_env: gsk_a1B2c3D4e5F6g7H8i9J0}\n"
        "good: {base_url: http://y/v1, api_key_env: GOOD_API_KEY}\n"
    )

    added = load_endpoints(settings)
    save_endpoint(settings, Endpoint(name="new", base_url="http://z/v1"))

    assert (added["old"].api_key_env, added["good"].api_key_env) == ("", "GOOD_API_KEY")
    assert "gsk_" not in endpoints_path(settings).read_text()


def test_the_builtin_endpoint_needs_no_address():
    assert builtin_endpoint().base_url == ""


def test_endpoints_added_in_settings_are_known_everywhere_and_come_last(tmp_path: Path):
    save_endpoint(Settings(home=tmp_path), Endpoint(name="openai", base_url="http://127.0.0.1:9/v1"))
    save_endpoint(Settings(home=tmp_path), Endpoint(name="ours", base_url="http://127.0.0.1:8/v1"))

    endpoints = endpoints_from(Settings(home=tmp_path), {"OPENAI_API_KEY": "k"})

    assert list(endpoints) == ["builtin", "openai", "ours"]
    assert endpoints["openai"].base_url == "http://127.0.0.1:9/v1"


def test_a_damaged_file_of_added_endpoints_is_named(tmp_path: Path):
    (tmp_path / "endpoints.yaml").write_text("ours: [")

    with pytest.raises(BadInput, match=r"endpoints\.yaml: line 1"):
        endpoints_from(Settings(home=tmp_path), {})


def test_a_price_that_a_file_leaves_out_is_not_known(tmp_path: Path):
    text = "mine: {base_url: http://x/v1, prices: {a: {prompt: 1}, b: {completion: 2}, c: {prompt: 0, completion: 0}}}"
    mine = from_file(tmp_path, text)["mine"]

    assert mine.usage("a", 10, 5).cost_usd is None
    assert mine.usage("a", 1_000_000, 0).cost_usd == pytest.approx(1.0)
    assert mine.usage("b", 10, 5).cost_usd is None
    assert mine.usage("c", 10, 5).cost_usd == 0.0
    assert [mine.is_priced(name) for name in "abcd"] == [False, False, True, False]
    assert mine.is_priced("a", writes=False)


def test_prices_of_nothing_are_kept_as_such_and_unknown_ones_as_unknown(tmp_path: Path):
    settings = Settings(home=tmp_path)
    prices = {"free": Prices(), "read": Prices(prompt=0.0, completion=None), "paid": Prices(prompt=1, completion=2)}
    save_endpoint(settings, Endpoint(name="mine", base_url="http://x/v1", prices=prices))

    assert load_endpoints(settings)["mine"].prices == prices

    (tmp_path / "endpoints.yaml").write_text("old: {base_url: http://x/v1, prices: {'*': {}}}")
    assert load_endpoints(settings)["old"].prices == {"*": Prices()}


def test_an_endpoint_may_name_its_models(tmp_path: Path):
    assert from_file(tmp_path, "mine: {base_url: http://x/v1, models: [a, b]}")["mine"].models == ("a", "b")
