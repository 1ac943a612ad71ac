"""Every pair on the results, and two configurations head to head under an address of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.judge_noise import JUDGE_REPEATS, repeats_name, subject_of
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, EvaluationSet, Example, Record, Score, Span, Usage

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"
LEVELS = {"baseline": 0.3, "rag": 0.75, "other": 0.3}


@pytest.fixture
def measured(store: Store) -> str:
    """Three configurations, 40 questions in 8 documents and two categories, some scores missing."""
    store.ensure_project("pairs")
    examples = tuple(
        Example(f"q{i}", f"How *long* is river {i}?", "a", (Span(f"d{i % 8}.txt", 0, 3),), ["count", "when"][i % 2])
        for i in range(40)
    )
    version = store.save_evaluation_set("pairs", EvaluationSet("rivers", examples))
    for place, (name, level) in enumerate(LEVELS.items()):
        configuration = Configuration(name=name, model=ModelSpec(temperature=0.1 * place))
        save_configuration(store, "pairs", configuration)
        run = store.start_run("pairs", configuration.model_dump(mode="json"), configuration.fingerprint,
                              evaluation_set=version.name, set_version=version.version, judge="j",
                              metrics=("answer_f1",), total=40)  # fmt: skip
        draw = random.Random(name)
        values = [None if i == 3 and name == "rag" else min(1.0, max(0.0, draw.gauss(level, 0.1))) for i in range(40)]
        store.save_records(run, [
            (i, Record(e, Answer(f"{name} says {i}", usage=Usage(100, 10, 0.01, 1)),
                       scores={"answer_f1": Score("answer_f1", values[i])}))
            for i, e in enumerate(examples)
        ])  # fmt: skip
        store.finish_run(run, "finished")
    return "pairs"


def words(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.markdown, *test.caption]).replace("\\", "").replace("\u00a0", " ")


def test_every_pair_is_told_in_words_with_family_and_unit(app: App, measured: str) -> None:
    test = app(PAGE, project=measured)
    assert not test.exception
    text = words(test)
    assert "**rag** against baseline: :green[▲ better], +0.4" in text
    assert "**other** against baseline: :gray[? cannot tell]: about " in text
    assert "more documents would show a difference of this size" in text
    assert (
        "Corrected over all 3 pairs of 3 configurations (Holm: the more pairs, the more evidence each needs). "
        "40 questions in 8 documents; unit: document." in text
    )


def test_a_margin_decides_what_is_equivalent_everywhere_on_the_tab(app: App, measured: str) -> None:
    test = app(PAGE, project=measured)
    test.number_input(key="margin").set_value(0.3).run()
    assert not test.exception
    assert "**other** against baseline: :blue[≈ equivalent] within ±0.3" in words(test)
    table = "\n".join(str(one.value.to_csv()) for one in test.table)
    assert ":blue[≈ equivalent]" in table


def test_one_click_opens_two_head_to_head_and_the_address_holds_them(app: App, measured: str) -> None:
    test = app(PAGE, project=measured)
    next(button for button in test.button if button.key == "pair_answer_f1_rag").click().run()
    assert not test.exception
    assert (test.query_params["a"], test.query_params["b"], test.query_params["by"]) == (
        "baseline", "rag", "answer_f1",
    )  # fmt: skip
    text = words(test)
    assert "#### :green[▲ better]" in text
    assert "39 questions in 8 documents; unit: document · 1 left out, with a value on one side only" in text
    assert text.count("unit: document") == 1
    assert "**Gained with rag: 39**" in text
    assert "**Lost with rag: 0**" in text
    assert "rag: 39 of 40 scored" in text


def test_a_link_shows_the_two_and_the_question_it_names(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Head to head", a="other", b="rag", by="answer_f1", example="q7")
    assert not test.exception
    told = words(test)
    assert "**rag** against other" in told
    assert "How *long* is river 7?" in told
    assert [text.value for text in test.text if "says 7" in text.value] == ["other says 7", "rag says 7"]
    categories = next(one.value for one in test.table if "Category" in one.value)
    assert categories["Category"].tolist() == ["**count**", "**when**"]


def test_a_link_to_what_is_gone_shows_the_usual_two(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Head to head", a="gone", b="gone too", by="bleu")
    assert not test.exception
    assert "**other** against baseline" in words(test)


def test_one_configuration_has_no_opponent(app: App) -> None:
    test = app(PAGE, project="sample", evaluation_view="Head to head")
    assert not test.exception
    assert "Nothing to compare yet" in "\n".join(part.value for part in [*test.subheader, *test.markdown])


def test_the_form_of_a_run_says_what_so_many_questions_would_show(app: App, measured: str) -> None:
    test = app(PAGE, project=measured, evaluation_view="Run")
    assert not test.exception
    assert "With 40 questions in 8 documents, a fifth of which differ, a difference of " in words(test)
    test.number_input(key="run_limit_rivers").set_value(5).run()
    assert "With 5 questions no difference would be found in 4 of 5 tries" in words(test)


def judge_again(store: Store, project: str, *names: str, far: float = 1.0) -> None:
    """Further grades of each answer that lie so far from each other."""
    for run in store.runs(project):
        if run.name in names:
            grades = {subject_of(record): {"answer_f1": {"1": 0.0, "2": far}} for record in store.records(run.id)}
            store.save_draft(project, JUDGE_REPEATS, repeats_name(run), grades)


def test_a_difference_inside_the_judges_noise_is_grey_with_the_words(app: App, store: Store, measured: str) -> None:
    judge_again(store, measured, "baseline", "other")
    test = app(PAGE, project=measured)
    assert not test.exception
    text = words(test)
    grey = ":gray[? cannot tell, inside the judge's noise]"
    assert f"**other** against baseline: {grey}: about " in text
    # On the leaderboard as well, and nowhere for the one that nobody judged again.
    assert grey in " ".join(str(cell) for table in test.table for cell in table.value.to_numpy().ravel())
    assert "**rag** against baseline: :green[▲ better], +0.4" in text
    matrix = next(json.loads(one.proto.spec) for one in test.get("plotly_chart") if "judge’s noise" in one.proto.spec)
    noisy = [cell for cell in matrix["data"][1]["text"] if "judge’s noise" in cell]
    assert len(noisy) == 2
    head = app(PAGE, project=measured, evaluation_view="Head to head", a="baseline", b="other")
    assert "#### :gray[? cannot tell, inside the judge's noise]" in words(head)


def test_the_ladder_says_which_difference_is_inside_the_judges_noise(app: App, store: Store, measured: str) -> None:
    judge_again(store, measured, *LEVELS, far=5.0)
    test = app("pages/overview.py", project=measured)
    assert not test.exception
    assert any("inside the judge's noise" in chart.proto.spec for chart in test.get("plotly_chart"))
