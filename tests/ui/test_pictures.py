"""The tabs Pictures and Records: every picture draws, says what it rests on, and leads to its records."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, EvaluationSet, Example, Failure, Record, Score, Usage

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"
LEVELS = {"baseline": 0.3, "rag": 0.8, "dear": 0.3, "unpriced": 0.5}
COSTS: dict[str, float | None] = {"baseline": 0.01, "rag": 0.02, "dear": 0.05, "unpriced": None}
METRICS = ("answer_f1", "faithfulness", "answer_relevancy")
EVERY = ("metrics", "cost", "time", "spread", "categories", "trend")


def make_run(store: Store, project: str, name: str, examples: tuple[Example, ...], version: str) -> int:
    configuration = Configuration(name=name, model=ModelSpec(temperature=0.1 * list(LEVELS).index(name)))
    save_configuration(store, project, configuration)
    run = store.start_run(
        project, configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set="rivers",
        set_version=version, judge="j", metrics=METRICS, total=len(examples),
    )  # fmt: skip
    draw = random.Random(name)
    records = []
    for place, example in enumerate(examples):
        usage = Usage(100, 10, COSTS[name], 1)
        value = float(draw.random() < LEVELS[name])
        scores = {metric: Score(metric, value) for metric in METRICS}
        record = Record(example, Answer(f"{name} says {place}", usage=usage), scores=scores, usage=usage,
                        seconds=0.5 + 0.1 * list(LEVELS).index(name))  # fmt: skip
        if name == "rag" and place == 3:
            record = Record(example, failure=Failure("answer", "timeout", "No answer."))
        records.append((place, record))
    store.save_records(run, records)
    store.finish_run(run, "finished")
    return run


def examples_of(count: int) -> tuple[Example, ...]:
    return tuple(Example(f"q{i}", f"How *long* is river {i}?", "a", (), ["count", "when"][i % 2]) for i in range(count))


@pytest.fixture
def measured(store: Store) -> str:
    """Four configurations on 40 questions of two categories: one is dear, one has no price."""
    store.ensure_project("pictures")
    examples = examples_of(40)
    saved = store.save_evaluation_set("pictures", EvaluationSet("rivers", examples))
    for name in LEVELS:
        make_run(store, "pictures", name, examples, saved.version)
    return "pictures"


def words(test: AppTest) -> str:
    parts = [*test.markdown, *test.caption, *test.subheader]
    return "\n".join(str(part.value) for part in parts).replace("\\", "").replace("\u00a0", " ")


def cells(test: AppTest, place: int = 0) -> list[dict[str, str]]:
    return [
        {str(name): str(value).replace("\\", "") for name, value in row.items()}
        for row in test.table[place].value.to_dict("records")
    ]


@pytest.mark.parametrize("picture", EVERY)
def test_every_picture_draws_and_leads_to_records_by_keyboard(app: App, measured: str, picture: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture=picture, picture_by="answer_f1")
    assert not test.exception
    assert "should not have happened" not in words(test)
    assert len(test.get("plotly_chart")) == 1
    assert test.table, "the numbers as a table"
    key = {"cost": "front", "time": "front"}.get(picture, picture)
    test.button(key=f"{key}_records").click().run()
    assert not test.exception
    assert test.session_state["evaluation_view"] == "Records"
    assert "Record 1 of 40" in words(test)


def test_the_front_names_what_has_no_price_and_who_is_beaten_by_whom(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture="cost", picture_by="answer_f1")
    assert "Not drawn, which is not 0: unpriced (its model has no price here)." in words(test)
    assert "is on the front unless another one is better by its verdict" in words(test)
    assert (
        "Corrected over all 6 pairs of 4 configurations (Holm: the more pairs, the more evidence each needs)."
        in words(test)
    )
    places = {row["Configuration"].split("**")[1]: row["Place"] for row in cells(test)}
    assert places == {
        "baseline": "on the front", "rag": "on the front", "dear": "beaten by rag", "unpriced": ":gray[not drawn]",
    }  # fmt: skip
    prices = {row["Configuration"].split("**")[1]: row["Cost of a question"] for row in cells(test)}
    assert prices["rag"] == "$0.0200 a question" or prices["rag"].startswith("$0.02")
    by_time = app(PAGE, project=measured, evaluation_view="Pictures", picture="time", picture_by="answer_f1")
    assert "Not drawn" not in words(by_time)


def test_the_spread_counts_ties_and_failures(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture="spread", picture_by="answer_f1")
    rows = {row["Configuration"].split("**")[1]: row for row in cells(test)}
    for row in rows.values():
        assert sum(int(row[name]) for name in row if name != "Configuration") == 40
        assert row["Above 0.25, up to 0.5"] == "0"
    assert rows["rag"]["Not scored"] == "1"
    test.selectbox(key="spread_name").select("rag")
    test.selectbox(key="spread_band").select("none").run()
    test.button(key="spread_records").click().run()
    assert "1 of 40 records of rag." in words(test)
    assert "Record 1 of 1" in words(test)
    assert test.query_params["records_band"] == "none"


def test_categories_lead_to_the_records_of_one(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture="categories", picture_by="answer_f1")
    assert {row["Scored"] for row in cells(test)} == {"20 of 20", "19 of 20"}
    test.selectbox(key="categories_name").select("baseline")
    test.selectbox(key="categories_category").select("=when").run()
    test.button(key="categories_records").click().run()
    assert "20 of 40 records of baseline." in words(test)
    (table,) = test.dataframe
    assert set(table.value["Category"]) == {"when"}


def test_one_button_pins_a_configuration_beside_the_baseline(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture="cost", picture_by="answer_f1")
    test.selectbox(key="front_name").select("rag").run()
    test.button(key="front_pair").click().run()
    assert not test.exception
    assert test.session_state["evaluation_view"] == "Head to head"
    assert (test.query_params["a"], test.query_params["b"]) == ("baseline", "rag")


def test_a_trend_tells_versions_of_a_set_apart(app: App, measured: str, store: Store) -> None:
    changed = (*examples_of(39), Example("q39", "Another question?", "b", (), "when"))
    other = store.save_evaluation_set(measured, EvaluationSet("rivers", changed))
    run = make_run(store, measured, "rag", changed, other.version)
    make_run(store, measured, "baseline", changed, other.version)
    test = app(PAGE, project=measured, evaluation_view="Pictures", picture="trend", picture_by="answer_f1")
    assert "The marks tell 2 versions of the set apart." in words(test)
    assert len({row["Set version"] for row in cells(test)}) == 2
    assert len(cells(test)) == 4
    test.selectbox(key="trend_run").select(run).run()
    test.button(key="trend_records").click().run()
    assert test.query_params["runs"] == str(run)
    assert "40 of 40 records of rag." in words(test)


def test_a_radar_says_its_limits_and_whom_it_leaves_out(app: App, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Pictures", picture_form="radar")
    assert "A radar shows the shape of a profile and no more" in words(test)
    assert "Not drawn, since a metric is missing: baseline." in words(test)
    assert len(test.get("plotly_chart")) == 1


def test_records_are_read_in_turn_and_their_link_opens_the_same(app: App, measured: str) -> None:
    address = {"project": measured, "evaluation_view": "Records", "records_of": "rag", "records_by": "answer_f1"}
    test = app(PAGE, **address)
    # What has no score comes first.
    assert test.dataframe[0].value["Score"].iloc[0] == "the answer failed"
    test.button(key="records_next").click().run()
    assert "Record 2 of 40" in words(test)
    example = test.query_params["example"]
    again = app(PAGE, **address, example=example)
    assert "Record 2 of 40" in words(again)
    assert f"Question {example} · " in words(again)


def test_runs_without_scores_have_records_and_no_pictures(app: App, store: Store) -> None:
    store.ensure_project("bare")
    examples = examples_of(3)
    saved = store.save_evaluation_set("bare", EvaluationSet("rivers", examples))
    run = store.start_run("bare", {"name": "baseline"}, "f", evaluation_set="rivers", set_version=saved.version,
                          judge="", metrics=(), total=3)  # fmt: skip
    store.save_records(run, [(i, Record(one, Answer("yes"))) for i, one in enumerate(examples)])
    store.finish_run(run, "finished")
    test = app(PAGE, project="bare", evaluation_view="Pictures")
    assert "there is nothing to draw" in words(test)
    test = app(PAGE, project="bare", evaluation_view="Records")
    assert not test.exception
    assert "3 of 3 records of baseline." in words(test)


def test_without_runs_both_tabs_say_what_to_do(app: App, store: Store) -> None:
    store.ensure_project("empty")
    for tab in ("Pictures", "Records"):
        test = app(PAGE, project="empty", evaluation_view=tab)
        assert not test.exception
        assert any("Go to Run" in button.label for button in test.button)
