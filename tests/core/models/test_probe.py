from __future__ import annotations

import pytest

from llmopt_core.models.endpoints import Endpoint, builtin_endpoint
from llmopt_core.models.probe import check_endpoint
from tests.stub_endpoint import MODELS, StubEndpoint, refused_url


def endpoint(stub: StubEndpoint, **changes: object) -> Endpoint:
    return Endpoint(name="stub", base_url=stub.url, **changes)


async def test_a_good_endpoint_lists_its_models(stub: StubEndpoint):
    report = await check_endpoint(endpoint(stub, default_model="stub-small"), "")

    assert report.ok
    assert report.models == tuple(sorted(MODELS))
    assert "it has 3 models" in report.message
    assert report.seconds > 0


async def test_a_default_model_that_is_not_there(stub: StubEndpoint):
    report = await check_endpoint(endpoint(stub, default_model="stub-smal"), "")

    assert report.ok
    assert report.models == tuple(sorted(MODELS))
    assert "'stub-smal' is not among its 3 models" in report.message


async def test_a_wrong_key_is_not_repeated(stub: StubEndpoint):
    stub.key = "right"

    report = await check_endpoint(endpoint(stub, api_key_env="MY_KEY"), "wrong-key-123")

    assert not report.ok
    assert "refused the key (401)" in report.message
    assert "set MY_KEY" in report.message
    assert "wrong-key-123" not in repr(report)


@pytest.mark.parametrize(
    ("fault", "words"), [("500", "HTTP 500"), ("html", "not an OpenAI-style reply"), ("403", "403")]
)
async def test_faults(stub: StubEndpoint, fault: str, words: str):
    stub.fault = fault

    report = await check_endpoint(endpoint(stub), "")

    assert not report.ok
    assert words in report.message
    assert len(stub.paths) == 1


async def test_a_silent_endpoint(stub: StubEndpoint):
    stub.fault = "timeout"

    report = await check_endpoint(endpoint(stub, timeout_seconds=0.2), "")

    assert not report.ok
    assert "within 0.2 s" in report.message


async def test_nothing_listens():
    report = await check_endpoint(Endpoint(name="gone", base_url=refused_url()), "")

    assert not report.ok
    assert "connection refused" in report.message


async def test_openai_without_a_key():
    report = await check_endpoint(Endpoint(name="openai", base_url="https://api.openai.com/v1"), "")

    assert not report.ok
    assert "has no key" in report.message


async def test_the_builtin_model_without_a_workspace():
    assert not (await check_endpoint(builtin_endpoint(), "")).ok


@pytest.mark.parametrize("fault", ["404", "405"])
async def test_no_list_of_models_is_no_fault(stub: StubEndpoint, fault: str):
    stub.fault = fault

    report = await check_endpoint(endpoint(stub, default_model="mine"), "")

    assert report.ok
    assert report.models == ()
    assert "lists no models, so name one by hand" in report.message


async def test_a_bare_list_and_days_of_shutdown(stub: StubEndpoint):
    stub.mangle = lambda _: [
        {"id": "old", "shutdown_date": "2026-12-31"}, {"name": "older", "shutdown_date": 1798675200}
    ]  # fmt: skip

    report = await check_endpoint(endpoint(stub, default_model="old"), "")

    assert report.ok
    assert report.models == ("old", "older")
    assert report.shutdowns == {"old": "2026-12-31", "older": "2026-12-31"}
    assert "'old' is switched off on 2026-12-31" in report.message


async def test_a_list_of_plain_names(stub: StubEndpoint):
    stub.mangle = lambda _: {"data": ["b", "a", 7, ""]}
    assert (await check_endpoint(endpoint(stub), "")).models == ("a", "b")
    stub.mangle = lambda _: ["b", "a"]
    assert (await check_endpoint(endpoint(stub), "")).models == ("a", "b")
