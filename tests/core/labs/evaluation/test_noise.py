"""Noise of stored runs: repeats of answers and of judge calls, what each part costs, and what to buy."""

import json
from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison import comparison, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.runner import run_evaluation
from llmopt_core.labs.evaluation.import_results import import_runs, read_uploads
from llmopt_core.labs.evaluation.judge_repeats import can_judge_again, judge_again
from llmopt_core.labs.evaluation.noise import noise_of_runs
from llmopt_core.labs.evaluation.noise_words import (
    advice_sentence,
    difference_sentence,
    judge_sentence,
    noise_values,
    variance_shares,
)
from llmopt_core.labs.prompts.board import Board
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import EvaluationSet
from tests.engine_lab import EXAMPLES, reply

GRADER = JudgeSpec(endpoint="grader", model="g")
PLAIN = {"retrieval": None, "prompt": {"template": "Question: {{ question }}"}}


async def run_once(lab, configuration, **changes):
    async with lab.models() as models:
        run_id = await run_evaluation(lab.store, lab.plan(configuration), configuration, models, **changes)
    return lab.store.run(run_id)


def moody(request):
    """A judge that changes its mind: every second judgement finds nothing supported."""
    text = reply(request)
    return text.replace('"verdict": 1', '"verdict": 0') if request.repeat // 1000 % 2 else text


def by_metric(found):
    return {one.metric: one for one in found}


async def compared(lab, repeats, **changes):
    values = {"variants": (lab.configuration("plain", **PLAIN),), "metrics": ("answer_f1", "exact_match"), **changes}
    plan = ComparisonPlan("p", evaluation_set=EvaluationSet("rows", EXAMPLES), repeats=repeats, **values)
    stored = start_comparison(lab.store, plan, new_id())
    board = Board()
    board.add(all_cells(plan))
    async with lab.models() as models:
        await run_comparison(lab.store, plan, stored, models, board)
    return comparison(lab.store, "p", stored.id)


async def test_repeats_of_a_comparison_give_the_variance_of_answers(lab):
    # The second answer to the first two questions is wrong.
    def fickle(request):
        is_wrong = request.repeat and any(e.question in request.messages[-1].content for e in EXAMPLES[:2])
        return "no idea" if is_wrong else reply(request)

    lab.chat = ScriptedChat(fickle, cost_usd=0.01)
    found = by_metric(noise_of_runs(lab.store, (await compared(lab, 2)).all_runs))
    one = found["exact_match"]
    # Two of four questions have answers of 1 and 0 (mean square 1 / 4), the others 1 and 1.
    assert one.components.answer == pytest.approx(0.25)
    assert one.components.judge == 0
    assert one.is_deterministic
    assert (one.components.questions, one.components.answers) == (4, 8)
    assert (one.design.answers, one.design.judgements) == (2, 1)
    assert (one.costs.unit, one.unit_costs.answer, one.unit_costs.judgement) == ("dollars", pytest.approx(0.01), 0)
    assert {purchase.source for purchase in one.purchases} == {"questions", "answers"}
    assert advice_sentence(one).startswith("Buy more ")
    assert "deterministic" in judge_sentence(one)
    assert sum(share for _, share in variance_shares(one)) == pytest.approx(1)


async def test_an_answer_from_the_cache_is_no_repeat(lab):
    configuration = lab.configuration("plain", **PLAIN)
    runs = [await run_once(lab, configuration), await run_once(lab, configuration)]
    assert runs[0].id != runs[1].id
    assert len(lab.chat.requests) == len(EXAMPLES)
    one = by_metric(noise_of_runs(lab.store, runs))["answer_f1"]
    assert one.components.answers == len(EXAMPLES)
    assert one.components.answer is None


async def test_an_llm_judge_grades_stored_answers_again_and_no_answer_is_asked_for(lab):
    lab.judge, lab.metrics = GRADER, ("faithfulness", "answer_f1")
    lab.judge_chat = ScriptedChat(moody, cost_usd=0.1)
    run = await run_once(lab, lab.configuration())
    once = by_metric(noise_of_runs(lab.store, [run]))["faithfulness"]
    assert once.components.judge is None
    assert once.judge_band is None
    answers, judged = len(lab.chat.requests), len(lab.judge_chat.requests)

    async with lab.models() as models:
        again = await judge_again(lab.store, [run], models, 3)
    assert (again.values, again.failures, again.out_of_budget) == (3 * len(EXAMPLES), 0, "")
    assert len(lab.chat.requests) == answers
    assert len(lab.judge_chat.requests) == judged * 4

    found = by_metric(noise_of_runs(lab.store, [run]))
    one = found["faithfulness"]
    # Each answer has the grades 1, 0, 1, 0: a mean square of 1 / 3 within, nothing between.
    assert one.components.judge == pytest.approx(1 / 3)
    assert one.components.question == 0
    assert one.components.judgements == 4 * len(EXAMPLES)
    assert one.judge_band == pytest.approx(1.959964 * (2 / 3 / (4 * len(EXAMPLES))) ** 0.5)
    assert one.unit_costs.judgement == pytest.approx(0.2)
    assert one.unit_costs.answer == pytest.approx(0.01)
    assert found["answer_f1"].components.judgements == len(EXAMPLES)
    # More judgements of what no judge grades are not for sale.
    assert "judgements" in {purchase.source for purchase in one.purchases}
    assert "judgements" not in {purchase.source for purchase in found["answer_f1"].purchases}
    # Two alike: the band of the pair is that of each.
    near, far = (replace(one, mean=one.mean + one.judge_band * part) for part in (0.99, 1.01))
    assert difference_sentence(one, near)[1] is True
    assert "inside the judge's noise band" in difference_sentence(one, near)[0]
    assert difference_sentence(one, far)[1] is False
    assert "is not known" in difference_sentence(one, once)[0]

    # Again costs nothing, and counts nothing twice.
    async with lab.models() as models:
        await judge_again(lab.store, [run], models, 3)
    assert len(lab.judge_chat.requests) == judged * 4
    assert by_metric(noise_of_runs(lab.store, [run]))["faithfulness"].components == one.components


async def test_answers_in_the_same_words_are_judged_again_each_by_calls_of_its_own(lab):
    changes = {"variants": (lab.configuration(),), "metrics": ("faithfulness",), "judge": GRADER}
    found = await compared(lab, 2, documents=lab.documents, **changes)
    # Two calls for each text: the second answer is the first one, so its first grade came from the cache.
    assert len(lab.judge_chat.requests) == 2 * len(EXAMPLES)
    async with lab.models() as models:
        again = await judge_again(lab.store, found.all_runs, models, 1)
    assert again.values == 2 * len(EXAMPLES)
    assert len(lab.judge_chat.requests) == 3 * 2 * len(EXAMPLES)


async def test_grades_of_another_version_of_the_judge_are_not_mixed(lab, monkeypatch):
    lab.judge, lab.metrics = GRADER, ("faithfulness",)
    run = await run_once(lab, lab.configuration())
    monkeypatch.setattr("llmopt_core.evaluation.judges.judge.LLM_JUDGE_VERSION", "ragas-9.9.9-99")
    async with lab.models() as models:
        with pytest.raises(BadInput, match=r"graded by g on grader \(judge v4\), whose grades are not those"):
            await judge_again(lab.store, [run], models, 1)


async def test_what_a_budget_leaves_is_kept(lab):
    lab.judge, lab.metrics = GRADER, ("faithfulness",)
    lab.judge_chat = ScriptedChat(moody, cost_usd=0.1)
    run = await run_once(lab, lab.configuration())
    before = len(lab.judge_chat.requests)
    async with lab.models() as models:
        again = await judge_again(lab.store, [run], models, 5, budget_usd=1.0, concurrency=1)
    assert again.out_of_budget
    assert 0 < len(lab.judge_chat.requests) - before <= 10
    one = by_metric(noise_of_runs(lab.store, [run]))["faithfulness"]
    assert again.values > 0
    assert one.components.judgements == len(EXAMPLES) + again.values


async def test_the_built_in_judge_is_not_asked_again(lab):
    lab.metrics = ("faithfulness",)
    run = await run_once(lab, lab.configuration())
    assert not can_judge_again(run)
    async with lab.models() as models:
        assert (await judge_again(lab.store, [run], models, 2)).values == 0
    one = by_metric(noise_of_runs(lab.store, [run]))["faithfulness"]
    assert one.components.judge == 0
    assert "variance is 0" in judge_sentence(one)
    # Every answer is grounded in the texts.
    assert advice_sentence(one) == "Every grade is the same: there is no variance to buy down."


@pytest.mark.parametrize("repeats", [0, -1, 21])
async def test_a_number_of_judgements_that_is_none_is_refused(lab, repeats):
    async with lab.models() as models:
        with pytest.raises(BadInput, match="1 to 20 more times"):
            await judge_again(lab.store, [], models, repeats)


def test_values_of_a_file_are_json(lab):
    assert json.dumps(noise_values(noise_of_runs(lab.store, []))) == '{"metrics": []}'


def test_an_imported_run_holds_its_own_repeats_and_an_unknown_judge(lab):
    rows = [
        {"id": f"q{number}", "question": f"{number}?", "answer": f"a{repeat}", "repeat": repeat, "quality": value}
        for number, values in enumerate([(1.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
        for repeat, value in enumerate(values)
    ]
    text = "\n".join(map(json.dumps, rows)).encode()
    outcome = import_runs(lab.store, lab.store.project("p"), read_uploads([("t.jsonl", text)]).runs)
    (one,) = noise_of_runs(lab.store, [lab.store.run(run_id) for run_id in outcome.run_ids])
    assert (one.components.questions, one.components.answers) == (3, 6)
    assert one.components.answer == pytest.approx(0.5 / 3)
    assert one.components.judge is None
    assert not one.is_deterministic
    assert [name for name, _ in variance_shares(one)] == ["Questions", "Answers and judge"]
    # The file says no price: calls are counted, one an answer.
    assert (one.costs.unit, one.costs.amount, one.unit_costs.answer) == ("calls", 100, 1)
    assert "No answer was judged twice" in advice_sentence(one)
