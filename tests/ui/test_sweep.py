"""The Sweep tab: what is missing, a sweep from start to saved configuration, bad input, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.training_sources import training_overlap
from llmopt_core.models.base import BUILTIN_EMBEDDING, Vectors
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example, Span
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/documents.py"
TEXT = "The harbour was built in 1712. Two lighthouses stand there.\n\nThe market opens in spring. It closes in snow."


@pytest.fixture
def town(store: Store, script: Callable[..., ScriptedChat]) -> str:
    """A project with one document and three questions, one of them without a reference."""
    script(lambda request: "unused")
    project = store.create_project("town").name
    store.save_documents(project, [Document("town.txt", TEXT)])
    quotes = {"When was the harbour built?": "1712", "Two lighthouses?": "1712. Two lighthouses"}
    examples = [
        Example(f"q{i}", question, references=(Span("town.txt", TEXT.index(q), TEXT.index(q) + len(q)),))
        for i, (question, q) in enumerate(quotes.items())
    ]
    store.save_evaluation_set(project, EvaluationSet("questions", (*examples, Example("open", "What else?"))))
    return project


def sweep_page(app: App, project: str, **query: str) -> AppTest:
    return app(PAGE, project=project, documents_tab="Sweep", **query)


def said(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def press(test: AppTest, label: str) -> AppTest:
    # Names in labels are plain text, so Markdown shows them with backslashes.
    return next(button for button in test.button if button.label.replace("\\", "").startswith(label)).click().run()


def swept(test: AppTest, **changes: list[str]) -> AppTest:
    """Start a sweep with these fields and see it end."""
    for name, values in {"sweep_sizes_tokens": ["10", "40"], "sweep_overlaps_tokens": ["0"], **changes}.items():
        test.multiselect(key=name).set_value(values)
    test = press(test, "Start the sweep")
    for job in resources.store().jobs(active=True):
        resources.job_runner().wait(job.id, timeout=60)
    return test.run()


def test_without_documents_it_says_where_to_add_them(app: App, store: Store) -> None:
    store.create_project("empty")
    test = sweep_page(app, "empty")
    assert not test.exception
    assert "A sweep cuts your documents in many ways" in said(test)


def test_without_reference_spans_it_says_what_is_needed(app: App, store: Store) -> None:
    store.create_project("bare")
    store.save_documents("bare", [Document("town.txt", TEXT)])
    store.save_evaluation_set("bare", EvaluationSet("plain", (Example("a", "When?"),)))
    test = sweep_page(app, "bare")
    assert not test.exception
    assert "No questions that say where their answers stand" in said(test)
    assert "Start the sweep" not in [button.label for button in test.button]


def test_from_the_form_to_a_saved_configuration(app: App, store: Store, town: str) -> None:
    test = sweep_page(app, town)
    assert not test.exception
    assert "3 questions, 2 with sources" in "".join(test.selectbox(key="sweep_set").options)
    test = swept(test, sweep_tops=["1", "2"])
    assert not test.exception
    (job,) = store.jobs(town)
    assert (job.kind, job.status) == ("chunk-sweep", "finished")
    text = said(test)
    assert "Highest recall:" in text
    assert "8 settings, 1 document, 2 of 3 questions scored, searched by hash\\-64" in text
    assert len(test.get("plotly_chart")) == 4
    test.selectbox(key="sweep_missed_by").set_value("sentence 10/0, top 1").run()
    assert "cut in two" in said(test)
    assert "Two lighthouses?" in said(test)
    test.selectbox(key="sweep_save_setting").set_value("recursive 40/0, top 1").run()
    test = press(test, "Save as sweep-recursive-40-0-top-1")
    assert not test.exception
    (configurations,) = store.configurations(town)
    assert configurations.name == "sweep-recursive-40-0-top-1"
    assert configurations.spec["retrieval"]["chunking"]["size"] == 40
    assert configurations.spec["retrieval"]["top_k"] == 1
    assert configurations.spec["retrieval"]["rerank"]["method"] == "none"
    # From now on a number of it on these questions is marked.
    (item,) = store.evaluation_sets(town)
    examples = store.evaluation_set(town, item.name).examples
    overlap = training_overlap(store, town, configuration_from(configurations.spec), examples)
    assert (overlap.chosen, overlap.parts[0].kind) == (len(examples), "chunking")


def test_two_settings_are_compared(app: App, town: str) -> None:
    test = swept(sweep_page(app, town), sweep_tops=["1"])
    test.selectbox(key="sweep_first").set_value("sentence 40/0").run()
    test.selectbox(key="sweep_second").set_value("sentence 40/0").run()
    assert "Choose two different settings." in said(test)
    test.selectbox(key="sweep_second").set_value("sentence 10/0").run()
    assert not test.exception
    tables = [table.value for table in test.table if "Verdict" in table.value.columns]
    assert list(tables[0]["Pairs"]) == ["2"] * 8
    assert "cannot tell" in tables[0]["Verdict"].iloc[0]


def test_the_same_sweep_by_words_and_other_measures(app: App, store: Store, town: str) -> None:
    test = sweep_page(app, town)
    test.selectbox(key="sweep_search").set_value("bm25").run()
    test = swept(test, sweep_tops=["1", "3"])
    test.selectbox(key="sweep_metric").set_value("context_tokens").run()
    assert not test.exception
    assert "searched by words" in said(test)
    test = swept(test, sweep_tops=["2"])
    assert not test.exception
    assert len([job for job in store.jobs(town) if job.status == "finished"]) == 2
    # Drawn once more, as the page may have been drawn before the job's end was stored.
    test.run()
    # The newest is shown, and the older one can be gone back to.
    assert "4 settings, 1 document" in said(test)
    older = str(min(job.id for job in store.jobs(town)))
    test.selectbox(key="sweep").set_value(older).run()
    assert "8 settings, 1 document" in said(test)


@pytest.mark.parametrize(
    ("field", "values", "told"),
    [
        ("sweep_methods", [], "Choose at least one method."),
        ("sweep_sizes_tokens", [], "Choose at least one size."),
        ("sweep_sizes_tokens", ["many"], "'many' is no whole number."),
        ("sweep_overlaps_tokens", ["900"], "No combination of the sweep is possible"),
        ("sweep_tops", ["0"], "at least 1 and at most 1,000 chunks"),
    ],
)
def test_what_cannot_be_swept_is_said_before_it_starts(
    app: App, town: str, field: str, values: list[str], told: str
) -> None:
    test = sweep_page(app, town)
    test.multiselect(key=field).set_value(values).run()
    assert not test.exception
    assert told in said(test)
    assert "Start the sweep" not in [button.label for button in test.button]


def test_combinations_left_out_are_named(app: App, town: str) -> None:
    test = sweep_page(app, town)
    test.multiselect(key="sweep_sizes_tokens").set_value(["10", "60"])
    test.multiselect(key="sweep_overlaps_tokens").set_value(["0", "20"]).run()
    assert "18 settings from 6 chunkings" in said(test)
    assert "overlap 20 must be smaller than the chunk size 10" in said(test).replace("\\", "")


def test_a_failed_sweep_says_why_until_it_is_put_away(app: App, store: Store, town: str) -> None:
    gone = Endpoint(name="gone", base_url="http://127.0.0.1:9/v1", max_retries=0)
    save_endpoint(resources.settings(), gone)
    test = sweep_page(app, town)
    test.selectbox(key="sweep_endpoint").set_value("gone").run()
    test.text_input(key="sweep_model_gone").set_value("small").run()
    test = swept(test)
    assert not test.exception
    assert store.jobs(town)[0].status == "failed"
    assert "Endpoint 'gone' cannot be reached" in said(test)
    test = press(test, "Put away")
    assert "cannot be reached" not in said(test)


def test_a_changed_document_keeps_the_numbers_and_says_that_the_passage_is_gone(
    app: App, store: Store, town: str
) -> None:
    swept(sweep_page(app, town), sweep_tops=["1"])
    store.save_documents(town, [Document("town.txt", "Another text.")])
    test = sweep_page(app, town, sweep_missed_by="sentence 10/0")
    assert not test.exception
    assert "Highest recall:" in said(test)
    assert "town.txt is not there any more, or has changed since the sweep." in said(test)


def test_a_sweep_is_cancelled(app: App, store: Store, town: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch of texts waits until the sweep has been cancelled."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            begun.set()
            assert go_on.wait(30)
            return super().encode(texts)

    monkeypatch.setattr(
        resources, "model_plugins", [lambda models: models.register_embedder(BUILTIN_EMBEDDING, Slow())]
    )
    test = sweep_page(app, town)
    test = press(test, "Start the sweep")
    (job,) = store.jobs(town)
    assert begun.wait(30)
    test.run()
    assert "Sweep of 48 settings on questions" in said(test)
    press(test, "Cancel")
    go_on.set()
    assert resources.job_runner().wait(job.id, timeout=60).status == "cancelled"
    test = sweep_page(app, town)
    assert not test.exception
    assert "Highest recall:" not in said(test)
    assert "Start the sweep" in [button.label for button in test.button]


def test_what_an_endpoint_will_be_sent_is_told_first(app: App, town: str) -> None:
    paid = Endpoint(name="paid", base_url="http://127.0.0.1:9/v1", prices={"*": Prices(prompt=1000, completion=0)})
    save_endpoint(resources.settings(), paid)
    test = sweep_page(app, town)
    assert "tokens to" not in said(test)
    test.selectbox(key="sweep_endpoint").set_value("paid").run()
    assert "Name the embedding model." in said(test)
    test.text_input(key="sweep_model_paid").set_value("small").run()
    assert not test.exception
    assert "tokens to paid" in said(test)
    assert "\\$" in said(test)
