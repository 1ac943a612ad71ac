"""Leave-one-out and more chunks with models that cost something: an estimate first, then a budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import fingerprint
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/retrieval_lab.py"
PRICES = 'prices: {"*": {prompt: 1, completion: 2}}'
RETRIEVAL = {
    "chunking": {"size": 20},
    "search": {"method": "hybrid"},
    "top_k": 1,
    "transform": {"method": "multi-query", "n": 1, "model": {"endpoint": "paid", "name": "m"}},
}


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text, *test.warning, *test.error]
    rows = [*(str(part.value) for part in parts), *(str(block.proto.body) for block in test.get("html"))]
    return "\n".join(rows).replace("\\", "")


def finish(test: AppTest) -> AppTest:
    for job in resources.store().jobs(active=True):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    return test


def reply(request: ChatRequest) -> str:
    return "harbour construction year" if "wordings" in request.messages[-1].content else "It was built in 1712 [1]."


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> ScriptedChat:
    """The model of the endpoint `paid`: a cent for each call."""
    chat, embedder = ScriptedChat(reply, cost_usd=0.01), HashEmbedder()

    def plug_in(models: Models) -> None:
        models.register("paid", chat)
        models.register_embedder(BUILTIN_EMBEDDING, embedder)

    monkeypatch.setattr(resources, "model_plugins", [plug_in])
    return chat


def prepared(store: Store, project: str, home: Path, prices: str = PRICES) -> str:
    (home / "endpoints.yaml").write_text(f'paid: {{base_url: "http://127.0.0.1:9/v1", {prices}}}\n')
    body = {
        "name": "dear",
        "model": {"endpoint": "paid", "name": "m", "mode": "chat"},
        "prompt": {"template": "{{ context }}\nQuestion: {{ question }}"},
        "retrieval": RETRIEVAL,
    }
    store.save_configuration(project, "dear", body, fingerprint(body))
    return project


def estimated(app: App, project: str, view: str, kind: str) -> AppTest:
    test = app(PAGE, project=project, left="dear", right="Nothing", retrieval_view=view)
    assert not test.exception
    assert "First a few questions tell what it will cost." in words(test)
    test.button(key=f"start_{kind}").click().run()
    return finish(test)


def test_leave_one_out_starts_with_an_estimate_and_stops_at_its_budget(
    app: App, store: Store, used: str, workspace: Path, chat: ScriptedChat
) -> None:
    test = estimated(app, prepared(store, used, workspace), "Leave one out", "leave-one-out")
    pilot = len(chat.requests)
    text = words(test)
    assert "What it will take" in text
    assert "kept and not paid again" in text
    test.number_input(key="budget_leave-one-out").set_value(0.025).run()
    test.button(key="go_leave-one-out").click().run()
    finish(test)
    assert len(chat.requests) == pilot + 1
    text = words(test)
    assert "The budget of $0.025 leaves no room" in text
    paid = next(one.value for one in test.metric if one.label == "Cost so far")
    assert paid == f"${0.01 * len(chat.requests):.2f}", "the pilot is a part of the cost, as of what is spent"
    assert f"({paid} are spent)" in text
    assert "Which to drop" not in text
    test.button(key="start_leave-one-out").click().run()
    finish(test)
    test.number_input(key="budget_leave-one-out").set_value(10.0).run()
    test.button(key="go_leave-one-out").click().run()
    finish(test)
    assert "Which to drop" in words(test)


def test_a_whole_set_starts_with_an_estimate_and_stops_at_its_budget(
    app: App, store: Store, used: str, workspace: Path, chat: ScriptedChat
) -> None:
    test = estimated(app, prepared(store, used, workspace), "Whole set", "retrieval-measure")
    pilot = len(chat.requests)
    assert "What it will take" in words(test)
    test.number_input(key="budget_retrieval-measure").set_value(0.01 * pilot + 0.005).run()
    assert "more than the budget" in words(test)
    test.button(key="go_retrieval-measure").click().run()
    finish(test)
    assert len(chat.requests) == pilot
    assert "leaves no room" in words(test)
    test.button(key="start_retrieval-measure").click().run()
    finish(test)
    test.number_input(key="budget_retrieval-measure").set_value(10.0).run()
    test.button(key="go_retrieval-measure").click().run()
    finish(test)
    assert len(chat.requests) > pilot
    assert [job.status for job in store.jobs() if job.kind == "retrieval-measure"].count("finished") == 1


def test_more_chunks_without_a_price_offer_no_budget(
    app: App, store: Store, used: str, workspace: Path, chat: ScriptedChat
) -> None:
    prepared(store, used, workspace, "max_retries: 0")
    test = estimated(app, used, "More chunks", "chunk-count-sweep")
    assert "What it will take" in words(test)
    assert test.number_input(key="budget_chunk-count-sweep").disabled
    test.button(key="drop_chunk-count-sweep").click().run()
    assert "What it will take" not in words(test)
    assert not [job for job in store.jobs() if job.kind == "chunk-count-sweep"]
