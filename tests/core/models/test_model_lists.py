"""The models of an endpoint are known without a press of a button, in this process and the next."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from llmopt_core.models import model_lists
from llmopt_core.models.endpoints import Endpoint, builtin_endpoint
from llmopt_core.models.model_lists import ModelList, ModelLists
from tests.stub_endpoint import MODELS, StubEndpoint, refused_url

LISTED = tuple(sorted(MODELS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "endpoint_models.json"


def endpoint(stub: StubEndpoint, **changes: object) -> Endpoint:
    return Endpoint(name="stub", base_url=stub.url, **changes)


def test_a_list_is_asked_for_once_and_kept(stub: StubEndpoint, path: Path):
    lists = ModelLists(path)
    assert lists.look_up(endpoint(stub), "", wait=10).models == LISTED
    assert lists.look_up(endpoint(stub), "").models == LISTED
    assert stub.paths == ["/v1/models"]

    # Another process has the list at once, though the endpoint is gone.
    stub.fault = "500"
    assert ModelLists(path).look_up(endpoint(stub), "").models == LISTED


def test_what_the_endpoint_says_of_its_models(stub: StubEndpoint, path: Path):
    stub.mangle = lambda _: {"data": [
        {"id": "old", "shutdown_date": "2027-01-31"}, {"id": "vectors", "type": "embedding"},
        {"id": "tei", "capabilities": ["embeddings"]}, {"id": "chat", "mode": "chat", "capabilities": {"embed": False}},
    ]}  # fmt: skip
    expected = ModelList(("chat", "old", "tei", "vectors"), ("tei", "vectors"), {"old": "2027-01-31"})
    assert ModelLists(path).look_up(endpoint(stub), "", wait=10) == expected
    assert ModelLists(path).find(endpoint(stub)) == expected


def test_no_key_is_kept_and_another_key_asks_again(stub: StubEndpoint, path: Path):
    stub.key = "sk-right"
    lists = ModelLists(path)
    assert lists.look_up(endpoint(stub), "sk-wrong", wait=10) == ModelList()
    assert lists.look_up(endpoint(stub), "sk-right", wait=10).models == LISTED
    assert "sk-" not in path.read_text()


def test_a_slow_endpoint_holds_up_nobody_twice(stub: StubEndpoint, path: Path, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    stub.delay = 30.0
    lists = ModelLists(path)
    assert lists.look_up(endpoint(stub), "", wait=0.05) == ModelList()
    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: waited.append(seconds))
    for _ in range(3):
        lists.look_up(endpoint(stub), "", wait=0.05)
    assert waited == [0, 0, 0]
    assert len(stub.paths) <= 1


def test_a_failure_leaves_the_last_list_and_is_tried_again_later(
    stub: StubEndpoint, path: Path, monkeypatch: pytest.MonkeyPatch
):
    lists = ModelLists(path)
    gone = Endpoint(name="stub", base_url=refused_url())
    assert lists.look_up(gone, "", wait=10) == ModelList()
    assert lists.look_up(gone, "", wait=10) == ModelList()
    lists.look_up(endpoint(stub), "", wait=10)
    monkeypatch.setattr(model_lists, "_SECONDS_FRESH", -1.0)
    stub.fault = "500"
    lists.look_up(endpoint(stub), "")
    lists._attempts[stub.url].end.wait(10)
    assert len(stub.paths) == 2
    assert lists.find(endpoint(stub)).models == LISTED


@pytest.mark.parametrize("written", ["", "[]", "{", json.dumps({"http://x/v1": {"models": 3}}), '{"http://x/v1": 7}'])
def test_a_damaged_file_is_no_list(path: Path, written: str):
    path.parent.mkdir()
    path.write_text(written)
    assert ModelLists(path).find(Endpoint(name="x", base_url="http://x/v1")) == ModelList()


def test_the_built_in_model_is_not_asked(path: Path):
    assert ModelLists(path).look_up(builtin_endpoint(), "", wait=10) == ModelList()
