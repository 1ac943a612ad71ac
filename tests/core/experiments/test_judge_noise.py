"""Differences inside the judge's own noise: said wherever a difference stands, once the judge was asked again."""

import json
import math

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison_matrix import compare_all
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import score_tables
from llmopt_core.experiments.run_scores import read_run_scores
from llmopt_core.experiments.runner import run_evaluation
from llmopt_core.labs.evaluation.head_to_head import head_to_head
from llmopt_core.labs.evaluation.judge_repeats import judge_again
from llmopt_core.labs.evaluation.ladder.proposal import CostChange, propose
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.reporting.page import render
from llmopt_core.reporting.verdict_words import verdict_words
from tests.engine_lab import EXAMPLES, reply

METRIC = "faithfulness"


def moody(request):
    """A judge that changes its mind: every second judgement finds nothing supported."""
    text = reply(request)
    return text.replace('"verdict": 1', '"verdict": 0') if request.repeat // 1000 % 2 else text


async def graded(lab, judged_again=(0, 1)):
    """Two configurations with the same answers; which of them the judge graded three more times."""
    lab.judge, lab.metrics = JudgeSpec(endpoint="grader", model="g"), (METRIC,)
    lab.judge_chat = ScriptedChat(moody, cost_usd=0.1)
    configurations = [lab.configuration("baseline"), lab.configuration("rag", retrieval={"top_k": 2})]
    async with lab.models() as models:
        ids = [await run_evaluation(lab.store, lab.plan(one), one, models) for one in configurations]
        runs = [lab.store.run(run_id) for run_id in ids]
        await judge_again(lab.store, [runs[place] for place in judged_again], models, 3)
    return runs


async def test_a_difference_inside_the_judges_noise_is_said_wherever_it_stands(lab):
    runs = await graded(lab)
    # Each answer has the grades 1, 0, 1, 0: a variance of 1 / 3 on either side.
    band = 1.959964 * math.sqrt(2 / 3 / len(EXAMPLES))
    said = f"inside the judge's noise, ±{band:.3g}"
    tables = read_run_scores(lab.store, runs)
    pair = compare_all(tables, METRIC)
    assert pair.pairs["baseline", "rag"].judge_band == pytest.approx(band)
    assert pair.inside_judge_noise("rag", "baseline")
    assert pair.inside_judge_noise("baseline", "rag")
    both = head_to_head(*tables, METRIC, {EXAMPLES[0].id: "a", EXAMPLES[1].id: "b"})
    assert said in verdict_words(both.comparison)
    # In a category there are fewer questions, so the judge alone makes more.
    assert both.categories["a"].judge_band == pytest.approx(band * 2)

    # A file carries it, for `compare` and `report`.
    result = json.loads(json.dumps(result_of(lab.store, [run.id for run in runs])))
    (stored,) = result["comparisons"]
    assert stored["inside_judge_noise"] is True
    assert stored["judge_band"] == pytest.approx(band)
    assert said in stored["words"]
    assert compare_all(score_tables(result), METRIC).pairs["baseline", "rag"].judge_band == pytest.approx(band)
    page = render(report_of(result))
    assert '<small class="noise">' in page
    assert f"inside the judge&#39;s noise, ±{band:.3g}" in page


async def test_without_repeats_on_both_sides_nothing_is_said_of_noise(lab):
    runs = await graded(lab, judged_again=(0,))
    one = compare_all(read_run_scores(lab.store, runs), METRIC).pairs["baseline", "rag"]
    assert one.judge_band is None
    assert not one.inside_judge_noise
    assert "noise" not in verdict_words(one)
    result = result_of(lab.store, [run.id for run in runs])
    assert "judge_band" not in result["comparisons"][0]
    # From a file that somebody else wrote: what is no variance is not known.
    for value in (True, "0.2", -1, float("inf")):
        result["runs"][1]["judge_variances"] = {METRIC: value}
        assert compare_all(score_tables(result), METRIC).pairs["baseline", "rag"].judge_band is None


def test_nothing_is_proposed_for_a_difference_that_the_judge_may_make():
    from llmopt_core.statistics.paired_comparison import Comparison

    seen = Comparison(0.2, 0.1, 0.3, 0.01, 40, "better", "test")
    assert propose("baseline", seen, CostChange()).state == "kept"
    noisy = Comparison(0.2, 0.1, 0.3, 0.01, 40, "better", "test", judge_band=0.25)
    proposal = propose("baseline", noisy, CostChange())
    assert proposal.state == "undecided"
    assert "inside the judge's noise" in proposal.reason
