from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmopt_core.cache import Cache
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models, close_builtin
from llmopt_core.settings import Settings, silence_telemetry
from llmopt_core.types import Message
from tests.builtin_home import prepare_builtin
from tests.stub_endpoint import StubEndpoint

silence_telemetry()

MakeModels = Callable[..., Models]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    with StubEndpoint() as stub:
        yield stub


@pytest.fixture
def make_models(stub: StubEndpoint, settings: Settings) -> MakeModels:
    """Models whose endpoint `stub` is the stub, with some of its settings changed."""

    def make(cache: Cache | None = None, keys: dict[str, str] | None = None, **changes: object) -> Models:
        values = {"base_url": stub.url, "default_model": "stub-large", "max_retries": 1, "timeout_seconds": 5.0}
        endpoint = Endpoint(name="stub", **{**values, **changes})
        return Models(settings, cache, {"stub": endpoint}, keys)

    return make


@pytest.fixture(scope="session")
def builtin_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A workspace with the built-in model, shared by the tests of this folder.

    One thread: on a busy machine two wait for each other more than they work.
    """
    yield Settings(home=prepare_builtin(tmp_path_factory.mktemp("builtin"), for_adapters=True), threads=1)
    close_builtin()


def ask(text: str = "hello there", **model: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), ModelSpec(**{"endpoint": "stub", **model}))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
