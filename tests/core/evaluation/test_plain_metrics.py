from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import METRICS, build_metrics
from llmopt_core.evaluation.sample import PlainMetric, Sample
from llmopt_core.types import Answer, Example, Span
from tests.core.evaluation.samples import BANANAS, TOWER, hit, sample


@pytest.mark.parametrize(
    ("metric", "answer", "value"),
    [
        ("exact_match", "1889.", 1.0),
        ("exact_match", "in 1889", 0.0),
        ("exact_match", "", 0.0),
        ("answer_f1", "in 1889", 2 / 3),
        ("answer_f1", " ", 0.0),
        ("semantic_similarity", "1889", 1.0),
        ("semantic_similarity", "", 0.0),
    ],
)
async def test_answers_against_the_reference(scored, metric, answer, value):
    score = await scored(metric, sample(answer))
    assert score.value == pytest.approx(value, abs=1e-6)
    assert score.explanation
    assert score.judge == ""


@pytest.mark.parametrize(
    ("metric", "answer", "value", "told"),
    [
        ("exact_match", "in May 1889", 1.0, "one of 3 right answers: in May 1889"),
        ("exact_match", "1890", 0.0, "none of the 3 right answers"),
        ("answer_f1", "1889 May", 0.8, "Best of 3 right answers: in May 1889"),
        ("answer_f1", "1889", 1.0, "Best of 3 right answers: 1889"),
        ("semantic_similarity", "in May 1889", 1.0, "Best of 3 right answers: in May 1889"),
    ],
)
async def test_the_best_of_several_right_answers_counts(scored, metric, answer, value, told):
    asked = sample(answer)
    example = replace(asked.example, variables={"right_answers": ["1889", "in May 1889", "the year 1889"]})
    score = await scored(metric, replace(asked, example=example))
    assert score.value == pytest.approx(value)
    assert told in score.explanation


async def test_similarity_is_never_negative(scored):
    for word in "abcdefgh":
        score = await scored("semantic_similarity", sample(word, reference="something else"))
        assert 0.0 <= score.value <= 1.0


@pytest.mark.parametrize(
    ("metric", "what", "reason"),
    [
        ("answer_f1", sample(None), "no answer"),
        ("faithfulness", sample(None), "no answer"),
        ("exact_match", sample(reference=None), "no reference answer"),
        ("exact_match", sample(reference="  "), "no reference answer"),
        ("recall", sample(), "names no source in a document"),
        ("recall", sample(contexts=None, references=(Span("c0", 0, 5),)), "retrieves nothing"),
        ("context_recall", sample(contexts=None), "retrieves nothing"),
        ("context_precision", sample(contexts=()), "Nothing was retrieved"),
        ("faithfulness", sample(contexts=()), "Nothing was retrieved"),
        ("faithfulness", sample(contexts=("  ",)), "Nothing was retrieved"),
        ("faithfulness", sample(""), "blank"),
        ("faithfulness", sample(" \n "), "blank"),
        ("context_utilization", sample(" "), "blank"),
        ("answer_relevancy", sample(question=" "), "no question"),
    ],
)
async def test_what_cannot_be_scored_has_no_value_but_a_reason(scored, metric, what, reason):
    score = await scored(metric, what)
    assert score.value is None
    assert reason in score.failure


SPANS = (Span("c0", 10, 20), Span("c1", 0, 5), Span("c9", 0, 5))


@pytest.mark.parametrize(
    ("metric", "contexts", "value"),
    [
        ("hit_rate", (TOWER, BANANAS), 1.0),
        ("recall", (TOWER, BANANAS), 2 / 3),
        ("mrr", (TOWER, BANANAS), 1.0),
        ("hit_rate", (), 0.0),
        ("recall", (), 0.0),
        ("mrr", (), 0.0),
        ("ndcg", (), 0.0),
    ],
)
async def test_chunks_against_reference_spans(scored, metric, contexts, value):
    score = await scored(metric, sample(contexts=contexts, references=SPANS))
    assert score.value == pytest.approx(value)
    assert [part.verdict for part in score.evidence] == [bool(contexts), bool(contexts), False]


async def test_overlapping_chunks_lift_no_ranking_above_one(scored):
    hits = (hit("x" * 20, "d", 100), hit("x" * 20, "d", 0), hit("x" * 20, "d", 10))
    what = Sample(Example("e", "q", references=(Span("d", 12, 18),)), Answer("a", hits), hits)
    assert (await scored("ndcg", what)).value == pytest.approx(0.63093, abs=1e-4)
    assert (await scored("mrr", what)).value == 0.5
    assert (await scored("recall", what)).value == 1.0


async def test_a_span_that_only_touches_is_not_found(scored):
    hits = (hit("x" * 10, "d", 0),)
    for span, value in ((Span("d", 10, 20), 0.0), (Span("d", 9, 20), 1.0), (Span("D", 0, 5), 0.0)):
        assert (
            await scored("hit_rate", Sample(Example("e", "q", references=(span,)), Answer("a"), hits))
        ).value == value


async def test_a_metric_that_crashes_gives_a_failure():
    async def broken(what, meter):
        raise ZeroDivisionError("oops")

    score, _ = await PlainMetric(METRICS["exact_match"], broken).score(sample())
    assert (score.value, score.failure) == (None, "ZeroDivisionError: oops")


async def test_a_reached_budget_is_not_swallowed():
    async def spent(what, meter):
        raise OutOfBudget("enough")

    with pytest.raises(OutOfBudget):
        await PlainMetric(METRICS["exact_match"], spent).score(sample())


def test_unknown_metric_names_the_nearest(models):
    with pytest.raises(BadInput, match="did you mean 'faithfulness'"):
        build_metrics(["faithfullness"], JudgeSpec(), models)


def test_every_metric_can_be_built_and_says_what_it_needs(models):
    metrics = build_metrics(list(METRICS), JudgeSpec(), models)
    assert [metric.name for metric in metrics] == list(METRICS)
    assert all(bool(metric.judge) == ("judge" in METRICS[metric.name].needs) for metric in metrics)


def test_another_judge_changes_the_version_of_what_it_grades_alone(models):
    builtin = build_metrics(["faithfulness", "recall"], JudgeSpec(), models)
    other = build_metrics(["faithfulness", "recall"], JudgeSpec(endpoint="judge", model="m"), models)
    assert builtin[0].version != other[0].version
    assert builtin[1].version == other[1].version
    assert (builtin[0].judge, other[0].judge) == ("built-in judge v4", "m on judge (judge v4)")
