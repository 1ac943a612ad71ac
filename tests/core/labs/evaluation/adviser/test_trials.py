"""When a change counts as tried, and when nobody can tell yet: no rule rests on a difference inside the noise."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.adviser_records import result_of, run_of
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result
from llmopt_core.labs.evaluation.adviser.step import Advice
from tests.core.labs.evaluation.adviser.test_advise import SPEC, advice_on, changed, records, rules

Made = dict[str, Any]
HYBRID = changed(search={"method": "hybrid"})


def with_values(made: list[Made], values: dict[int, float]) -> list[Made]:
    """The same records, some with another value of correctness."""
    return [
        {**one, "scores": {**one["scores"], "answer_f1": {"value": values[place]}}} if place in values else one
        for place, one in enumerate(made)
    ]


def hybrid_trial(made: list[Made], values: dict[int, float]) -> Advice:
    """Advice on a configuration beside which a search both ways was tried, with these values other."""
    return advice_on(run_of("rag", made, spec=SPEC), run_of("both", with_values(made, values), spec=HYBRID))


@pytest.mark.parametrize(
    "values", [{10: 0.0}, {10: 0.0, 0: 1.0}, {10: 0.0, 11: 0.0, 0: 1.0}, {}], ids=["-1", "±1", "-2 +1", "same"]
)
def test_a_small_trial_that_tells_nothing_is_none(values: dict[int, float]) -> None:
    advice = hybrid_trial(records({"hybrid-search": 6, "right": 14}), values)
    assert advice.tried == ()
    assert rules(advice)[0] == "hybrid-search"
    assert "It is under trial: both tried it against rag: cannot tell yet" in advice.steps[0].reason
    assert rules(advice)[-1] == "more-questions"


def test_it_says_how_many_more_questions_would_tell() -> None:
    advice = hybrid_trial(records({"hybrid-search": 6, "right": 14}), {10: 0.0, 11: 0.0, 0: 1.0})
    assert "more questions would" in advice.steps[0].reason


def test_a_trial_that_is_surely_worse_was_tried() -> None:
    advice = hybrid_trial(records({"hybrid-search": 6, "right": 14}), dict.fromkeys(range(8, 16), 0.0))
    (trial,) = advice.tried
    assert (trial.rule, trial.is_open) == ("hybrid-search", False)
    assert trial.outcome.startswith("worse, ")
    assert "hybrid-search" not in rules(advice)


def test_a_trial_that_rules_out_a_gain_was_tried() -> None:
    advice = hybrid_trial(records({"hybrid-search": 20, "right": 280}), {0: 1.0, 30: 0.0, 31: 0.0})
    assert advice.tried[0].outcome.startswith("no gain that matters, ")
    assert rules(advice)[0] == "query-expansion"


def test_a_trial_that_mends_none_of_many_records_that_it_is_for_was_tried() -> None:
    advice = hybrid_trial(records({"hybrid-search": 20, "right": 20}), {30: 0.0})
    assert advice.tried[0].outcome.startswith("of 20 records that it is for none became better, ")
    assert rules(advice)[0] == "query-expansion"
    # Where some of them are mended, nobody can tell.
    mixed = dict.fromkeys(range(4), 1.0) | dict.fromkeys(range(30, 35), 0.0)
    assert rules(hybrid_trial(records({"hybrid-search": 20, "right": 20}), mixed))[0] == "hybrid-search"


def about(made: list[Made], documents: int) -> list[Made]:
    """The same records, their questions about so many documents."""
    size = len(made) // documents
    return [{**one, "references": [{"document": f"doc{place // size}.md", "start": 0, "end": 9}]}
            for place, one in enumerate(made)]  # fmt: skip


def test_questions_of_one_document_are_one_trial() -> None:
    """Ten questions less are worse where each stands for itself, and chance where all are about one document."""
    made = records({"hybrid-search": 6, "right": 54})
    worse = dict.fromkeys(range(10, 20), 0.0)

    def tried(documents: int) -> list[str]:
        plain, other = about(made, documents), about(with_values(made, worse), documents)
        advice = advice_on(run_of("rag", plain, spec=SPEC), run_of("both", other, spec=HYBRID))
        return [one.rule for one in advice.tried]

    assert tried(60) == ["hybrid-search"]
    assert tried(6) == []


def test_of_many_trials_chance_makes_none_worse() -> None:
    """One of six equal changes falls below 5 % by chance alone in a quarter of all projects; together they do not."""
    draw = random.Random(5)
    size, projects, count = 40, 60, 0
    changes: dict[str, Made] = {
        "both": {"search": {"method": "hybrid"}}, "hyde": {"transform": {"method": "hyde"}},
        "ranked": {"rerank": {"method": "late-interaction"}}, "one": {"top_k": 1}, "eight": {"top_k": 8},
        "cut": {"chunking": {"size": 400}},
    }  # fmt: skip
    made = records({"hybrid-search": 12, "right": size - 12})
    for _ in range(projects):
        noisy = [with_values(made, {place: round(draw.random(), 3) for place in range(size)}) for _ in range(7)]
        runs = [run_of(name, one, spec=changed(**change))
                for (name, change), one in zip(changes.items(), noisy[1:], strict=True)]  # fmt: skip
        advice = advise(situation_from_result(result_of(run_of("rag", noisy[0], spec=SPEC), *runs)))
        count += any(trial.outcome.startswith("worse") for trial in advice.tried)
    assert count <= 6, "each is tested together with the others"
