"""A file that somebody else wrote sends no key and no text to a host that nobody confirmed."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint, endpoints_in
from llmopt_core.models.registry import Models
from llmopt_core.models.trust import Destination, new_destinations, trust
from llmopt_core.settings import Settings
from tests.stub_endpoint import StubEndpoint

from .conftest import ask


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-another-service")
    monkeypatch.setenv("SOME_API_KEY", "secret-of-some-service")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLMOPT_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)


def foreign(url: str, variable: str = "", name: str = "theirs") -> Endpoint:
    (result,) = endpoints_in({name: {"base_url": url, "api_key_env": variable}}, "their.yaml").values()
    return result.from_file("their.yaml")


def models(settings: Settings, endpoint: Endpoint) -> Models:
    return Models(settings, None, {endpoint.name: endpoint.model_copy(update={"default_model": "m", "max_retries": 0})})


@pytest.mark.parametrize("call", ["chat", "stream", "embed", "likelihood"])
async def test_nothing_goes_to_a_host_that_was_not_confirmed(settings: Settings, stub: StubEndpoint, call: str):
    endpoint = foreign(stub.url, "SOME_API_KEY")
    spec, words = ModelSpec(endpoint="theirs"), rf"their\.yaml .* {stub.url[:-3]} \(key from SOME_API_KEY\)"

    async def make(made: Models) -> None:
        if call == "embed":
            made.embedder(EmbeddingSpec(endpoint="theirs", model="m")).encode(["text"])
        elif call == "likelihood":
            await made.likelihood(spec).likelihood("a", " b")
        else:
            await made.chat(spec).complete(ask(endpoint="theirs"), print if call == "stream" else None)

    async with models(settings, endpoint) as made:
        with pytest.raises(BadInput, match=words):
            await make(made)

    assert stub.paths == []


async def test_what_was_confirmed_is_remembered_by_host_and_variable(settings: Settings, stub: StubEndpoint):
    endpoint = foreign(stub.url, "SOME_API_KEY")
    trust(settings, new_destinations(settings, [endpoint]))

    async with models(Settings(home=settings.home), endpoint) as made:
        assert (await made.chat(ModelSpec(endpoint="theirs")).complete(ask(endpoint="theirs"))).text == "stub answer"
    assert stub.requests[0]["key"] == "secret-of-some-service"

    other_key = foreign(stub.url, "OTHER_API_KEY")
    other_host = foreign(stub.url.replace("127.0.0.1", "localhost"), "SOME_API_KEY")
    other_port = foreign("http://127.0.0.1:9/v1", "SOME_API_KEY")
    safer = foreign(stub.url.replace("http:", "https:"), "SOME_API_KEY")
    assert len(new_destinations(settings, [endpoint, other_key, other_host, other_port, safer])) == 4


@pytest.mark.parametrize(
    "variable", ["AWS_SECRET_ACCESS_KEY", "HOME", "PATH", "API_KEY_X", "GITHUB_TOKEN", "_API_KEYS"]
)
async def test_no_other_variable_is_read(settings: Settings, stub: StubEndpoint, variable: str):
    endpoint = foreign(stub.url, variable)
    trust(settings, [Destination(stub.url.removesuffix("/v1"), variable)])

    with pytest.raises(BadInput, match=f"asks for the environment variable {variable}, which was not read"):
        models(settings, endpoint).chat(ModelSpec(endpoint="theirs"))

    assert stub.paths == []


def test_a_variable_of_an_endpoint_in_settings_may_be_named(settings: Settings, stub: StubEndpoint):
    save_endpoint(settings, Endpoint(name="mine", base_url="https://mine.example/v1", api_key_env="AZURE_KEY"))

    assert new_destinations(settings, [foreign("https://mine.example/v1", "AZURE_KEY")]) == []
    assert new_destinations(settings, [foreign("https://other.example/v1", "AZURE_KEY")]) == [
        Destination("https://other.example", "AZURE_KEY")
    ]


def test_the_users_own_endpoints_need_no_confirmation(settings: Settings, stub: StubEndpoint):
    own = Endpoint(name="mine", base_url="https://mine.example/v1", api_key_env="AWS_SECRET_ACCESS_KEY")

    assert new_destinations(settings, [own]) == []


@pytest.mark.parametrize(
    ("url", "variable", "told"),
    [
        ("http://127.0.0.1:11434/v1", "", None),
        ("http://localhost:8000/v1", "", None),
        ("http://[::1]:8000/v1", "", None),
        ("http://127.0.0.1:11434/v1", "SOME_API_KEY", "http://127.0.0.1:11434 (key from SOME_API_KEY)"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY", None),
        ("https://api.openai.com/v1", "SOME_API_KEY", "https://api.openai.com (key from SOME_API_KEY)"),
        ("http://api.openai.com/v1", "OPENAI_API_KEY", "http://api.openai.com (key from OPENAI_API_KEY)"),
        ("https://api.openai.com.evil.example/v1", "OPENAI_API_KEY",
         "https://api.openai.com.evil.example (key from OPENAI_API_KEY)"),
        ("https://EXAMPLE.com:443/v1", "", "https://example.com (no key)"),
        ("https://ex\u0430mple.com/v1", "", "https://xn--exmple-4nf.com (no key)"),
        ("https://fa\u00df.example/v1", "", "https://xn--fa-hia.example (no key)"),
        ("https://\u03c3\u03c2.example/v1", "", "https://xn--3xab.example (no key)"),
        ("https://[2001:db8::1]:8443/v1", "", "https://[2001:db8::1]:8443 (no key)"),
    ],
)  # fmt: skip
def test_what_is_new(settings: Settings, url: str, variable: str, told: str | None):
    assert [str(one) for one in new_destinations(settings, [foreign(url, variable)])] == ([told] if told else [])


def test_a_name_that_reads_like_a_trusted_one_is_another_host(settings: Settings):
    trust(settings, [Destination("https://fass.example", "SOME_API_KEY")])

    (new,) = new_destinations(settings, [foreign("https://fa\u00df.example/v1", "SOME_API_KEY")])

    assert new.host == "https://xn--fa-hia.example"


@pytest.mark.parametrize(
    "url",
    ["https://\uff41pi.example/v1", "https://api\u200b.example/v1", "https://[v1.a]/v1", "https://999.1.1.1/v1",
     "https://a b.example/v1", "https://evil.example/\t.api.openai.com/v1", "https://openai\u00ad.example"],
)  # fmt: skip
def test_an_address_that_no_call_can_be_made_to_is_refused(url: str):
    with pytest.raises(BadInput, match=r"their.yaml: endpoint 'theirs': .*a web address such as"):
        foreign(url)


@pytest.mark.parametrize("content", ["{", "[1, 2]", "- {host: 5}", "- host: x", "\x00"])
def test_a_damaged_memory_confirms_nothing(settings: Settings, content: str):
    settings.home.mkdir(parents=True)
    (settings.home / "trusted_hosts.yaml").write_text(content)
    new = new_destinations(settings, [foreign("https://a.example/v1")])

    assert new == [Destination("https://a.example", "")]
    trust(settings, new)
    assert new_destinations(settings, [foreign("https://a.example/v1")]) == []


def test_a_file_cannot_call_itself_the_users_own():
    with pytest.raises(BadInput, match="unknown setting"):
        endpoints_in({"a": {"base_url": "http://a/v1", "source": ""}}, "their.yaml")
    with pytest.raises(BadInput, match="unknown setting"):
        endpoints_in({"a": {"base_url": "http://a/v1", "_source": ""}}, "their.yaml")


@pytest.fixture
def variables_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, "of-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: of-the-environment")


async def headers_sent(settings: Settings, stub: StubEndpoint, endpoint: Endpoint, keys: dict[str, str]) -> str:
    async with Models(settings, None, {endpoint.name: endpoint}, keys) as made:
        await made.chat(ModelSpec(endpoint=endpoint.name)).complete(ask(endpoint=endpoint.name, name="m"))
        if not endpoint.api_version:
            made.embedder(EmbeddingSpec(endpoint=endpoint.name, model="m")).encode(["text"])
    assert stub.requests
    return str([seen["headers"] for seen in stub.requests])


@pytest.mark.usefixtures("variables_of_the_sdk")
@pytest.mark.parametrize("brought", [True, False])
@pytest.mark.parametrize("azure", [{}, {"api_version": "2024-10-21"}])
async def test_no_variable_goes_along_that_nobody_named(
    settings: Settings, stub: StubEndpoint, azure: dict[str, str], brought: bool
):
    url = stub.url.removesuffix("/v1") if azure else stub.url
    endpoint = Endpoint(name="theirs", base_url=url, **azure)

    headers = await headers_sent(
        settings, stub, endpoint.from_file("their.yaml") if brought else endpoint, {"theirs": "typed"}
    )

    assert "of-the-environment" not in headers
    assert "typed" in headers


@pytest.mark.usefixtures("variables_of_the_sdk")
async def test_openais_own_variables_go_along_with_openais_key(
    settings: Settings, stub: StubEndpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "own")

    headers = await headers_sent(
        settings, stub, Endpoint(name="openai", base_url=stub.url, api_key_env="OPENAI_API_KEY"), {}
    )

    assert headers.count("of-the-environment") == 6  # organization, project, and the gateway's header, twice
