"""What is advised, in which order and with which words, on result files."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.adviser_records import METRICS, Maker, result_of, run_of
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.drops import Drop
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result
from llmopt_core.labs.evaluation.adviser.step import Advice, Step

SPEC: dict[str, Any] = {
    "name": "rag",
    "model": {"endpoint": "builtin"},
    "prompt": {"system": "Answer.", "template": "{{ context }} {{ question }}"},
    "retrieval": {"chunking": {"size": 200}, "search": {"method": "dense"}, "top_k": 4},
}


def changed(**retrieval: Any) -> dict[str, Any]:
    return {**SPEC, "retrieval": {**SPEC["retrieval"], **retrieval}}


def records(kinds: dict[str, int], given: int = 4, seed: int = 3) -> list[dict[str, Any]]:
    maker = Maker(seed, "en", long=False, metrics=METRICS, given=given)
    return [maker.record(kind) for kind, count in kinds.items() for _ in range(count)]


def advice_on(*runs: dict[str, Any]) -> Advice:
    return advise(situation_from_result(result_of(*runs)))


def rules(advice: Advice) -> list[str]:
    return [step.rule for step in advice.steps]


def step(advice: Advice, rule: str) -> Step:
    return next(one for one in advice.steps if one.rule == rule)


def test_a_step_has_its_evidence_its_bound_its_cost_and_a_configuration_that_tries_it() -> None:
    made = records({"hybrid-search": 7, "right": 33})
    advice = advice_on(run_of("rag", made, spec=SPEC))
    first = advice.steps[0]
    assert first.rule == "hybrid-search"
    assert first.evidence == tuple(record["example_id"] for record in made[:7])
    assert "7 of 40 questions of rag fail" in first.reason
    assert "+17.5 points" in first.expected
    assert "XQuAD" in first.elsewhere
    assert "40 questions" in first.cost
    assert "$0.08" in first.cost
    assert first.proposal is not None
    assert first.proposal.base == "rag"
    proposed = configuration_from({**first.proposal.spec, "name": first.proposal.name})
    assert proposed.retrieval is not None
    assert proposed.retrieval.search.method == "hybrid"
    # All else is as it was.
    back = proposed.model_copy(update={"retrieval": proposed.retrieval.model_copy(update={
        "search": configuration_from(SPEC).retrieval.search}), "name": "rag"})  # type: ignore[union-attr]  # fmt: skip
    assert back.fingerprint == configuration_from(SPEC).fingerprint


def test_steps_are_ranked_by_how_many_failures_they_may_mend() -> None:
    advice = advice_on(run_of("rag", records({"hybrid-search": 6, "grounded-prompt": 14, "right": 30}), spec=SPEC))
    assert rules(advice)[:2] == ["grounded-prompt", "hybrid-search"]
    other = advice_on(run_of("rag", records({"hybrid-search": 14, "grounded-prompt": 6, "right": 30}), spec=SPEC))
    assert rules(other)[:2] == ["hybrid-search", "grounded-prompt"]


@pytest.mark.parametrize(
    ("failures", "size", "fires"), [(1, 40, False), (3, 150, False), (6, 40, True), (12, 150, True)]
)
def test_a_few_failures_that_may_be_chance_are_no_reason(failures: int, size: int, fires: bool) -> None:
    advice = advice_on(run_of("rag", records({"grounded-prompt": failures, "right": size - failures}), spec=SPEC))
    assert ("grounded-prompt" in rules(advice)) is fires


def test_with_few_questions_more_of_them_come_before_a_guess() -> None:
    advice = advice_on(run_of("rag", records({"grounded-prompt": 1, "right": 11}), spec=SPEC))
    assert rules(advice) == ["more-questions"]
    # Nothing fails and nothing is compared: there is nothing to tell.
    assert rules(advice_on(run_of("rag", records({"right": 12}), spec=SPEC))) == []


def test_an_error_counts_from_the_first_and_is_no_other_kind() -> None:
    advice = advice_on(run_of("rag", records({"error": 1, "right": 120}), spec=SPEC))
    assert rules(advice) == ["failed-records"]
    assert len(advice.steps[0].evidence) == 1


def test_what_was_tried_and_brought_nothing_is_not_proposed_again_and_that_is_said() -> None:
    made = records({"hybrid-search": 20, "right": 40})
    worse = [one if number % 10 else {**one, "scores": {**one["scores"], "answer_f1": {"value": 0.0}}}
             for number, one in enumerate(made)]  # fmt: skip
    advice = advice_on(run_of("rag", made, spec=SPEC), run_of("both", worse, spec=changed(search={"method": "hybrid"})))
    assert rules(advice)[0] == "query-expansion"
    (trial,) = advice.tried
    assert (trial.rule, trial.name, trial.against) == ("hybrid-search", "both", "rag")
    assert "both tried it against rag" in advice.steps[0].reason
    assert advice.to_json()["tried"][0]["rule"] == "hybrid-search"


def test_what_helped_elsewhere_may_be_proposed_for_the_leader() -> None:
    """The reranker was better than what it was added to, and the leader has none yet."""
    closed = records({"rag": 60})
    low = records({"rerank": 20, "right": 40}, given=8)
    better = [dict(one) for one in low]
    for one in better[:14]:
        one["scores"] = {**one["scores"], "answer_f1": {"value": 1.0}}
    best = [dict(one) for one in better]
    for one in best[14:16]:
        one["scores"] = {**one["scores"], "answer_f1": {"value": 1.0}}
    advice = advice_on(
        run_of("baseline", closed),
        run_of("plain", low, spec=SPEC),
        run_of("reranked", better, spec=changed(rerank={"method": "late-interaction"})),
        run_of("hybrid", best, spec=changed(search={"method": "hybrid"})),
    )
    assert not [trial for trial in advice.tried if trial.rule == "rerank"]


def test_training_is_never_proposed_for_missing_knowledge() -> None:
    closed = [{**one, "contexts": []} for one in records({"rag": 40, "few-shot": 10, "right": 10})]
    advice = advice_on(run_of("baseline", closed, spec={**SPEC, "retrieval": None}))
    assert rules(advice)[0] == "rag"
    assert "fine-tune" not in rules(advice)
    proposed = advice.steps[0].proposal
    assert proposed is not None
    assert "{{ context }}" in proposed.spec["prompt"]["template"]


def test_after_examples_the_form_is_taught_by_training() -> None:
    spec = {**SPEC, "prompt": {**SPEC["prompt"], "few_shot": {"examples": [{"question": "a", "answer": "b"}]}}}
    made = records({"few-shot": 20, "right": 30})
    assert rules(advice_on(run_of("rag", made, spec=SPEC)))[0] == "few-shot"
    assert rules(advice_on(run_of("rag", made, spec=spec)))[0] == "fine-tune"


def test_long_instructions_with_right_content_are_shown_by_examples() -> None:
    spec = {**SPEC, "prompt": {"system": "Mind this rule. " * 120, "template": "{{ context }} {{ question }}"}}
    advice = advice_on(run_of("rag", records({"right": 120}), spec=spec))
    assert rules(advice) == ["few-shot"]
    assert "words of instructions" in advice.steps[0].reason


def test_where_the_leader_looks_nothing_up_the_retrieval_that_was_tried_is_what_to_mend() -> None:
    closed = [{**one, "contexts": []} for one in records({"right": 30, "rag": 20})]
    bad = records({"hybrid-search": 40, "right": 10})
    advice = advice_on(run_of("baseline", closed, spec={**SPEC, "retrieval": None}), run_of("rag", bad, spec=SPEC))
    assert rules(advice)[0] == "hybrid-search"
    assert "of rag fail" in advice.steps[0].reason


def test_a_run_that_was_trained_on_its_questions_leads_nothing() -> None:
    made, perfect = records({"grounded-prompt": 20, "right": 30}), records({"right": 50})
    overlap = {"questions": 50, "exact": 50, "near": 0, "parts": []}
    advice = advice_on(run_of("rag", made, spec=SPEC), run_of("tuned", perfect, training_overlap=overlap))
    assert rules(advice)[:2] == ["fresh-questions", "grounded-prompt"]


def test_ranks_tell_a_reranker_from_more_chunks() -> None:
    def placed(rank: int) -> list[dict[str, Any]]:
        made = records({"rerank-unseen": 20, "right": 30}, given=2)
        for one in made:
            for reference in one.get("references", []):
                reference["candidate_rank"] = rank
        return made

    assert rules(advice_on(run_of("rag", placed(12), spec=SPEC)))[0] == "rerank"
    assert rules(advice_on(run_of("rag", placed(3), spec=SPEC)))[0] == "larger-k"
    assert rules(advice_on(run_of("rag", placed(60), spec=SPEC)))[0] == "hybrid-search"


def test_means_alone_lead_to_the_same_rules() -> None:
    run = run_of("rag", records({"grounded-prompt": 30, "right": 10}))
    advice = advice_on({**run, "records": []})
    assert rules(advice)[0] == "grounded-prompt"
    assert advice.steps[0].evidence == ()


@pytest.mark.parametrize("runs", [[], [run_of("baseline", [])]])
def test_nothing_yet_begins_with_a_baseline(runs: list[dict[str, Any]]) -> None:
    advice = advice_on(*runs)
    assert rules(advice) == ["baseline"]


def test_a_proposal_never_breaks_and_never_repeats_a_setting() -> None:
    odd = {
        **SPEC,
        "retrieval": {**SPEC["retrieval"], "chunking": {"method": "small-to-big", "size": 3, "child_size": 1}},
    }
    for spec in (SPEC, odd, {"unknown": 1}, {"retrieval": "yes"}):
        for kind in ("chunk-size", "rerank", "hybrid-search", "grounded-prompt", "prompt"):
            advice = advice_on(run_of("rag", records({kind: 30, "right": 10}, given=6), spec=spec))
            for one in advice.steps:
                if one.proposal is not None:
                    configuration_from({**one.proposal.spec, "name": one.proposal.name})


def test_a_proposed_prompt_is_not_proposed_again() -> None:
    made = records({"prompt": 30, "right": 20})
    first = advice_on(run_of("rag", made, spec=SPEC)).steps[0]
    assert first.rule == "prompt"
    assert first.proposal is not None
    assert rules(advice_on(run_of("next", made, spec={**first.proposal.spec, "name": "next"})))[0] == "few-shot"


def test_it_takes_no_longer_for_long_lines_of_figures() -> None:
    """Rows of tables are found line by line; a pattern over the whole text took minutes for a page of numbers."""
    made = records({"grounded-prompt": 6})
    draw = random.Random(1)
    for one in made:
        one["contexts"][0]["text"] = ",".join(str(draw.randint(1, 9**9)) + " a" for _ in range(4000)) + ",x"
        one["question"] = "How many are there in total?"
    assert advice_on(run_of("rag", made)).steps


def test_the_command_writes_the_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from llmopt_core.cli.app import run

    file, out = tmp_path / "result.json", tmp_path / "advice.json"
    file.write_text(json.dumps(result_of(run_of("rag", records({"grounded-prompt": 20, "right": 30})))), "utf-8")
    assert run(["advise", str(file), "--json", str(out)]) == 0
    written = json.loads(out.read_text("utf-8"))
    first = written["steps"][0]
    assert list(first) == ["rule", "title", "reason", "evidence", "expected", "cost"]
    assert all(list(one) == list(first) for one in written["steps"])
    assert (first["rule"], len(first["evidence"])) == ("grounded-prompt", 20)
    assert run(["advise", str(file)]) == 0
    assert "1. Tell the model to answer from the given text alone [grounded-prompt]" in capsys.readouterr().out

    file.write_text("{}", "utf-8")
    assert run(["advise", str(file)]) == 2
    assert "it has no list of runs" in capsys.readouterr().err


def test_what_a_person_dropped_leads_nothing_and_is_not_proposed_again() -> None:
    made, better = records({"rerank": 20, "right": 40}, given=8), records({"rerank": 10, "right": 50}, given=8)
    runs = [run_of("rag", made, spec=SPEC), run_of("slow", better, spec=changed(rerank={"method": "late-interaction"}))]
    situation = situation_from_result(result_of(*runs))
    assert "of slow fail" in advise(situation).steps[0].reason
    advice = advise(replace(situation, dropped=[Drop("slow", "f-slow")]))
    assert "of rag fail" in advice.steps[0].reason
    assert "rerank" not in rules(advice)
    assert [(trial.rule, trial.outcome) for trial in advice.tried] == [("rerank", "it was dropped")]
