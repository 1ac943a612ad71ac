"""The adviser on the pages: what fails, its records, and a button that makes the configuration and opens the lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from tests.ui.seed_outranked import OUTRANKED as SIZE
from tests.ui.seed_outranked import seed_outranked

App = Callable[..., AppTest]
PAGES = ("pages/overview.py", "pages/evaluation.py")


@pytest.fixture
def failing(store: Store) -> str:
    """A project whose run gave half of its answers without their sources, which stood at rank 9."""
    return seed_outranked(store)


def captions(test: AppTest) -> str:
    return "\n".join(caption.value for caption in test.caption).replace("\\", "")


@pytest.mark.parametrize("page", PAGES)
def test_a_step_stands_with_its_reason_its_bound_its_cost_and_links_to_its_records(
    app: App, failing: str, store: Store, page: str
) -> None:
    test = app(page, project=failing)
    assert not test.exception
    links = {link.proto.label.strip("*"): link.proto.query_string for link in test.get("page_link")}
    assert "Rerank the candidates" in links
    words = captions(test)
    assert "10 of 20 questions of rag fail because the source was found at rank 4 to 30" in words
    assert "At most +50 points" in words
    assert "**Cost:** one run over 20 questions" in words
    assert "and 7 more" in words
    run = store.runs(failing)[0]
    assert all(text in links["q0"] for text in (f"{run.id}", "example=q0"))


def test_the_button_makes_the_configuration_and_opens_the_lab_with_both_beside_each_other(
    app: App, failing: str, store: Store
) -> None:
    test = app("pages/overview.py", project=failing)
    (button,) = [one for one in test.button if one.label.startswith("Create ")]
    button.click().run()
    assert not test.exception
    result = next(item for item in store.configurations(failing) if item.name != "rag")
    assert result.name == "rag · rerank"
    assert result.spec["retrieval"]["rerank"]["method"] == "late-interaction"
    assert test.title[0].value == "Retrieval"
    assert test.session_state["retrieval_view"] == "Whole set"
    assert (test.session_state["left"], test.session_state["right"]) == ("rag", "rag · rerank")
    # What is made is the next thing to evaluate, and not proposed once more.
    again = app("pages/overview.py", project=failing)
    links = [link.proto.label.strip("*") for link in again.get("page_link")]
    assert links.index("Evaluate 1 configuration") < links.index("Rerank the candidates")
    assert len(store.configurations(failing)) == 2


def test_a_text_of_a_user_is_no_markdown_in_a_step(app: App, failing: str, store: Store) -> None:
    run = store.runs(failing)[0]
    name = "*bold* [x](http://y) $a$ :red[b]"
    body = {**run.configuration, "name": name}
    copy = store.start_run(failing, body, "f" * 16, evaluation_set=run.evaluation_set, set_version=run.set_version,
                           judge=run.judge, metrics=run.metrics, total=SIZE)  # fmt: skip
    store.save_records(copy, list(enumerate(store.records(run.id, trace=True))))
    store.finish_run(copy, "finished")
    store.delete_runs([run.id])
    test = app("pages/overview.py", project=failing)
    assert not test.exception
    (reason,) = [one.value for one in test.caption if "questions of" in one.value and "fail because" in one.value]
    assert name not in reason
    assert r"\*bold\*" in reason
