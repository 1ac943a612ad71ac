"""Retrieval over a whole set: stages, leave-one-out, number of chunks."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.experiments import keys
from llmopt_core.labs.retrieval.ablation import AblationReport, ablate
from llmopt_core.labs.retrieval.advice import advise
from llmopt_core.labs.retrieval.components import components
from llmopt_core.labs.retrieval.costs import Cost
from llmopt_core.labs.retrieval.jobs import (
    ABLATION,
    Task,
    lab_arguments,
    lab_versions,
    latest,
    report_of,
)
from llmopt_core.labs.retrieval.k_sweep import KSweep, k_sweep
from llmopt_core.labs.retrieval.set_report import SetReport, measure_set, position_groups
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.statistics.tables import Gain
from llmopt_core.types import Example, Span
from tests.engine_lab import EXAMPLES, Lab, reply

HYBRID = {"chunking": {"size": 20}, "search": {"method": "hybrid"}, "top_k": 1}
HYDE = {**HYBRID, "transform": {"method": "hyde", "n": 1, "model": {"endpoint": "scripted"}}}


async def measured(lab: Lab, retrieval: dict, examples=EXAMPLES, **more) -> SetReport:
    async with lab.models() as models:
        return await measure_set(
            Subject(lab.configuration(retrieval=retrieval), examples, lab.documents, models), **more
        )


async def left_out(lab: Lab, examples=EXAMPLES, *, answers=False, **changes) -> AblationReport:
    async with lab.models() as models:
        return await ablate(Subject(lab.configuration(**changes), examples, lab.documents, models), answers=answers)


async def test_every_stage_is_measured_with_its_cost(lab: Lab) -> None:
    progress: list[tuple[int, int]] = []
    report = await measured(lab, HYBRID, k=2, on_progress=lambda now: progress.append((now.done, now.total)))
    names = [stage.name for stage in report.stages]
    assert names == ["embed (all-MiniLM-L6-v2)", "dense", "bm25", "fusion (rrf)", "select (top-k)"]
    last = report.stages[-1]
    assert last.measures["recall"].mean == 1.0
    assert last.positions == (4, 0, 0, 0, 0, 0)
    assert len(position_groups()) == len(last.positions)
    assert report.stages[0].measures == {}
    assert all(stage.cost.seconds is not None and stage.cost.tokens == 0 for stage in report.stages)
    assert (report.questions, report.without, report.lost) == (4, 0, ())
    assert progress[-1] == (4, 4)
    assert SetReport.model_validate(json.loads(json.dumps(report.model_dump(mode="json")))) == report


async def test_lost_questions_are_told_with_the_reason(lab: Lab) -> None:
    wrong = dataclasses.replace(EXAMPLES[0], id="w", references=(Span("metals.txt", 0, 4),))
    gone = dataclasses.replace(EXAMPLES[0], id="g", references=(Span("nowhere.txt", 0, 4),))
    report = await measured(lab, HYBRID, (wrong, gone, Example("n", "No reference?")))
    assert (report.questions, report.without) == (2, 1)
    by_id = {one.example_id: one for one in report.lost}
    assert by_id["w"].stage == "select (top-k)"
    assert "only 1 chunk is handed over" in by_id["w"].why
    assert by_id["g"].stage == "not indexed"
    assert report.lost_at == {"select (top-k)": 1, "not indexed": 1}


async def test_stages_that_fell_back_are_counted(lab: Lab) -> None:
    def down(request):
        raise EndpointError("The endpoint scripted is down.", "server-error")

    lab.chat = ScriptedChat(down)
    report = await measured(lab, HYDE)
    assert list(report.warnings.values()) == [4]
    assert "scripted is down" in next(iter(report.warnings))
    assert report.stages[-1].measures["recall"].mean == 1.0


async def test_routing_is_measured_on_labelled_questions(lab: Lab) -> None:
    labelled = [dataclasses.replace(e, category=c) for e, c in zip(EXAMPLES, ("r", "m", "p", "p"), strict=True)]
    examples = [
        {"question": "Which planet has moons like Mars?", "category": "p"},
        {"question": "Which river flows through Vienna?", "category": "r"},
        {"question": "What is the symbol of iron?", "category": "m"},
        {"question": EXAMPLES[3].question, "category": "r"},
    ]
    report = await measured(lab, {**HYBRID, "routing": {"method": "nearest", "examples": examples}}, labelled)
    assert report.routing is not None
    assert report.routing.labels == ("m", "p", "r")
    assert report.routing.asked == 4
    # The last question is an example of the router with a wrong label; it may not answer for itself.
    assert sum(map(sum, report.routing.counts)) == 4
    assert report.routing.accuracy >= 0.75
    assert (await measured(lab, {**HYBRID, "routing": {"method": "given"}}, labelled)).routing is None


async def test_a_route_that_leaves_stages_out_neither_moves_them_nor_counts_in_them(lab: Lab) -> None:
    labelled = [dataclasses.replace(e, category=c) for e, c in zip(EXAMPLES, ("r", "m", "p", "p"), strict=True)]
    routing = {"method": "given", "routes": {"r": {"search": {"method": "bm25"}}}}
    stages = (await measured(lab, {**HYBRID, "routing": routing}, labelled)).stages
    ranking = [stage.name for stage in stages if stage.measures]
    assert ranking == ["dense", "bm25", "fusion (rrf)", "select (top-k)"]
    counted = {stage.name: sum(stage.positions) for stage in stages if stage.measures}
    assert counted["dense"] == counted["fusion (rrf)"] < counted["bm25"] == counted["select (top-k)"]


@pytest.mark.parametrize(
    ("retrieval", "examples", "words"),
    [
        (None, EXAMPLES, "has no retrieval"),
        (HYBRID, (Example("n", "What?"),), "where its answer stands"),
        (HYBRID, (), "where its answer stands"),
        ({**HYBRID, "search": {"filters": {"year": {"$near": 3}}}}, EXAMPLES, "No question could be searched"),
    ],
)
async def test_what_cannot_be_measured_is_told(lab: Lab, retrieval, examples, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        await measured(lab, retrieval, examples)


async def test_leaving_out_a_component_is_measured_against_the_whole(lab: Lab) -> None:
    lab.chat = ScriptedChat(lambda request: "iron and gold" if "Mars" in request.messages[-1].content else "a b c")
    report = await left_out(lab, retrieval=HYDE)
    assert [one.name for one in report.removed] == ["without hyde", "without bm25", "without dense"]
    hyde = report.removed[0]
    assert hyde.configuration.retrieval is not None
    assert hyde.configuration.retrieval.transform.method == "none"
    assert hyde.configuration.name == "rag without hyde"
    assert hyde.gains["recall"].pairs == 4
    assert hyde.gains["recall"].difference == pytest.approx(
        hyde.measures["recall"].mean - report.measures["recall"].mean
    )
    # One passage per question, as the model's usage says; the rest of the stages asks nobody.
    assert hyde.cost.tokens is not None
    assert hyde.cost.tokens > 3
    assert report.cost.tokens == hyde.cost.tokens
    assert report.removed[1].cost.tokens == 0
    assert report.leading == "ndcg"
    assert AblationReport.model_validate(json.loads(json.dumps(report.model_dump(mode="json")))) == report


async def test_a_second_time_asks_no_model(lab: Lab) -> None:
    await left_out(lab, retrieval=HYDE)
    calls = len(lab.chat.requests)
    assert calls == 4
    again = await left_out(lab, retrieval=HYDE)
    assert len(lab.chat.requests) == calls
    assert again.removed[0].cost.tokens


async def test_answer_checks_are_components_too(lab: Lab) -> None:
    fact_check = {"method": "revise", "refuse_unsupported": True}
    left = components(lab.configuration(retrieval=HYBRID, fact_check=fact_check), answers=True)
    each = ["without fact check", "without refusal"]
    assert list(left) == ["without bm25", "without dense", *each, "without fact check and refusal"]
    assert left["without fact check and refusal"].fact_check is None
    assert left["without fact check"].fact_check is not None
    assert left["without fact check"].fact_check.refuse_unsupported
    assert list(components(lab.configuration(retrieval=HYBRID, fact_check=fact_check))) == [
        "without bm25",
        "without dense",
    ]


CHECKED = {
    "retrieval": {**HYBRID, "transform": HYDE["transform"]},
    "fact_check": {"method": "revise", "refuse_unsupported": True, "judge": {"endpoint": "grader", "name": "g"}},
}


def doubting(request) -> str:
    """A judge that supports no claim about Mars, and rewrites what is left."""
    text = request.messages[-1].content
    if "Rewritten answer" in text:
        return "rewritten"
    return json.dumps([{"claim": 1, "supported": "Mars" not in text.split("Passages")[0], "passage": 1, "reason": "r"}])


async def test_what_checks_and_transforms_take_is_the_same_from_a_warm_cache(lab: Lab) -> None:
    lab.chat = ScriptedChat(reply, delay=0.02, cost_usd=0.01)
    lab.judge_chat = ScriptedChat(doubting, delay=0.05, cost_usd=0.1)
    only_check = {**CHECKED, "fact_check": {**CHECKED["fact_check"], "refuse_unsupported": False}}
    first = await left_out(lab, answers=True, **only_check)
    check = next(one for one in first.removed if one.name == "without fact check")
    requests = [request for request in lab.judge_chat.requests if "You check an answer" in request.messages[0].content]
    assert len(requests) == 4
    tokens = sum(len(request.messages[0].content.split()) + len(doubting(request).split()) for request in requests) / 4
    assert check.cost.tokens == pytest.approx(tokens)
    assert check.cost.usd == pytest.approx(0.1)
    assert check.cost.seconds >= 0.05
    calls = len(lab.chat.requests), len(lab.judge_chat.requests)

    again = await left_out(lab, answers=True, **only_check)
    assert [one.cost.tokens for one in again.removed] == [one.cost.tokens for one in first.removed]
    assert again.removed[-1].cost == check.cost
    # Another number of chunks finds and answers anew, from calls that are all kept.
    deeper = {**only_check, "retrieval": {**only_check["retrieval"], "search": {"method": "hybrid", "candidates": 29}}}
    other = await left_out(lab, answers=True, **deeper)
    assert (len(lab.chat.requests), len(lab.judge_chat.requests)) == calls
    hyde = other.removed[0]
    assert (hyde.name, hyde.cost.tokens) == ("without hyde", first.removed[0].cost.tokens)
    assert hyde.cost.seconds >= 0.02
    assert other.removed[-1].cost == check.cost


async def test_work_that_was_done_before_costs_what_it_takes(lab: Lab) -> None:
    """Question vectors, for the search and by token, are made again for the time they take, and no call is."""

    class Slow(HashEmbedder):
        def encode(self, texts):
            time.sleep(0.02)
            return super().encode(texts)

        def encode_tokens(self, texts):
            time.sleep(0.03)
            return super().encode_tokens(texts)

    lab.embedder = Slow()
    parts = {**HYBRID, "rerank": {"method": "late-interaction"}}
    for _ in range(2):
        costs = {one.name: one.cost.seconds for one in (await left_out(lab, retrieval=parts)).removed}
        assert costs["without dense"] >= 0.02
        assert costs["without rerank (late-interaction)"] >= 0.03
    count = len(lab.chat.requests)
    await left_out(lab, retrieval={**HYBRID, "rerank": {"method": "llm-yes-no", "llm": {"endpoint": "scripted"}}})
    assert len(lab.chat.requests) > count
    count = len(lab.chat.requests)
    await left_out(lab, retrieval={**HYBRID, "rerank": {"method": "llm-yes-no", "llm": {"endpoint": "scripted"}}})
    assert len(lab.chat.requests) == count


async def test_checks_that_share_their_judge_cost_what_their_removal_spares(lab: Lab) -> None:
    lab.judge_chat = ScriptedChat(doubting, cost_usd=0.1)
    costs = {one.name: one.cost for one in (await left_out(lab, answers=True, **CHECKED)).removed}
    assert costs["without fact check and refusal"].tokens > 50
    assert costs["without fact check and refusal"].usd == pytest.approx(0.1)
    # Without either the other still asks the judge; without refusing, the one unsupported answer is not rewritten,
    # since nothing is left of it.
    assert costs["without fact check"].tokens == 0
    assert costs["without refusal"].tokens == 0
    assert costs["without refusal"].usd == pytest.approx(0.0)


async def test_the_built_in_check_takes_time_and_no_tokens(lab: Lab) -> None:
    report = {"retrieval": HYBRID, "fact_check": {"refuse_unsupported": True}}
    first = (await left_out(lab, answers=True, **report)).removed[-1]
    assert first.name == "without refusal"
    assert first.cost.seconds > 0
    assert first.cost.tokens == 0
    assert (await left_out(lab.restarted(), answers=True, **report)).removed[-1].cost == first.cost


async def test_with_answers_their_quality_leads(lab: Lab) -> None:
    report = await left_out(lab, answers=True, retrieval=HYBRID)
    assert report.leading == "answer_f1"
    assert report.measures["answer_f1"].mean == 1.0
    assert report.measures["faithfulness"].total == 4
    assert report.cost.usd == pytest.approx(0.01)


async def test_a_plain_search_has_nothing_to_leave_out(lab: Lab) -> None:
    with pytest.raises(BadInput, match="no component"):
        await left_out(lab)
    with pytest.raises(BadInput, match="no retrieval"):
        await left_out(lab, retrieval=None)
    with pytest.raises(BadInput, match="no questions"):
        await left_out(lab, (), retrieval=HYBRID)
    with pytest.raises(BadInput, match="says where its answer stands"):
        await left_out(lab, (Example("n", "What?"),), retrieval=HYBRID)


def gain(difference: float, low: float, high: float, verdict: str) -> Gain:
    return Gain(difference=difference, low=low, high=high, p_value=0.5, pairs=40, dropped=0, verdict=verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "tokens", "advice", "words"),
    [
        (gain(-0.2, -0.3, -0.1, "worse"), 0, "keep", "falls"),
        (gain(0.2, 0.1, 0.3, "better"), 0, "drop", "hurts"),
        (gain(0.0, -0.1, 0.1, "cannot tell"), 90, "drop", "takes tokens"),
        (gain(0.0, -0.1, 0.1, "cannot tell"), 0, "cannot tell", "more questions"),
        (gain(-0.1, -0.2, -0.01, "cannot tell"), 90, "cannot tell", "too few to be sure"),
    ],
)
def test_advice_follows_the_verdict_and_the_cost(changed: Gain, tokens: int, advice: str, words: str) -> None:
    found, reason = advise(changed, Cost(seconds=0.1, tokens=tokens), "MRR")
    assert found == advice
    assert words in reason


async def swept(lab: Lab, ks=(1, 3), examples=EXAMPLES, **changes) -> KSweep:
    async with lab.models() as models:
        return await k_sweep(Subject(lab.configuration(**changes), examples, lab.documents, models), ks=ks)


async def test_more_chunks_can_make_answers_worse(lab: Lab) -> None:
    def confused(request):
        text = request.messages[-1].content
        return "all of it" if sum(word in text for word in ("Cologne.", "Iron", "Jupiter is")) > 1 else reply(request)

    lab.chat = ScriptedChat(confused)
    report = await swept(lab)
    first, last = report.rows
    assert (first.k, last.k, report.best, report.fewest) == (1, 3, 1, 1)
    assert first.measures["answer_f1"].mean == 1.0
    assert last.measures["answer_f1"].mean == 0.0
    assert last.measures["recall"].mean == 1.0
    assert last.gains["answer_f1"].difference == pytest.approx(-1.0)
    assert first.gains == {}
    assert last.tokens.mean > first.tokens.mean
    calls = len(lab.chat.requests)
    assert (await swept(lab)).rows[0].measures == first.measures
    assert len(lab.chat.requests) == calls


async def test_answers_from_the_cache_tell_what_they_took(lab: Lab) -> None:
    lab.chat = ScriptedChat(reply, delay=0.02)
    first = (await swept(lab, ks=(1,))).rows[0]
    # The same prompt, put together for a configuration of another name and another answer key.
    again = (await swept(lab, ks=(1,), fact_check={"method": "flag"})).rows[0]
    assert len(lab.chat.requests) == 4
    assert again.tokens == first.tokens
    assert (again.seconds.scored, again.seconds.mean >= 0.02) == (4, True)


async def test_where_no_number_of_chunks_is_better_none_is_called_best(lab: Lab) -> None:
    same = await swept(lab)
    assert (same.alike, same.is_undecided) == (True, True)
    lab.chat = ScriptedChat(lambda request: "no" if "Iron" in request.messages[-1].content else reply(request))
    other = await swept(lab, prompt={"template": "{{ context }}\nAsked: {{ question }}"})
    # Four questions are too few to be sure, yet the means differ.
    assert (other.alike, other.is_undecided) == (False, True)


async def test_a_question_that_is_not_run_is_not_counted_as_failed(lab: Lab) -> None:
    unsupported = {"type": "unsupported", "value": {"reason": "no"}}
    first = dataclasses.replace(EXAMPLES[0], variables={"checks": [unsupported]})
    report = await swept(lab, (1, 2), (first, *EXAMPLES[1:]))
    assert [row.failed for row in report.rows] == [0, 0]


async def test_failed_answers_are_counted_and_named(lab: Lab) -> None:
    def down(request):
        if "moons has" in request.messages[-1].content:
            raise EndpointError("The endpoint scripted is down.", "server-error")
        return reply(request)

    lab.chat = ScriptedChat(down)
    report = await swept(lab, ks=(1,))
    assert report.rows[0].failed == 1
    assert report.rows[0].measures["answer_f1"].scored == 3
    assert report.failures == {"The endpoint scripted is down.": 1}


@pytest.mark.parametrize(
    ("ks", "examples", "changes", "words"),
    [
        ((), EXAMPLES, {}, "at least one question"),
        ((0, 1), EXAMPLES, {}, "from 1 on"),
        ((1,), (), {}, "at least one question"),
        ((1,), EXAMPLES, {"retrieval": None}, "no retrieval"),
    ],
)
async def test_a_sweep_that_cannot_be_is_refused(lab: Lab, ks, examples, changes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        await swept(lab, ks, examples, **changes)


def test_each_is_a_job_whose_report_is_found_again(lab: Lab) -> None:
    runner = lab.runner()
    project = lab.store.project("p")
    task = Task(project, lab.configuration(retrieval=HYBRID), EXAMPLES, lab.documents, "questions")
    works = {
        "retrieval-measure": ({"k": 2}, SetReport),
        ABLATION: ({"answers": False}, AblationReport),
        "chunk-count-sweep": ({"ks": [1]}, KSweep),
    }
    for kind, (options, made) in works.items():
        assert latest(lab.store, project, kind, task.key(**options)) is None
        arguments = lab_arguments(lab.store, kind, task, options)
        job = runner.wait(runner.submit(kind, project, arguments, versions=lab_versions(task)), 60)
        assert job.status == "finished", job.error
        result = latest(lab.store, project, kind, task.key(**options))
        assert result is not None
        report = report_of(result, made)
        assert report is not None
        assert report.configuration == "rag"
        assert latest(lab.store, project, kind, task.key(**options, other=1)) is None


def test_a_job_that_cannot_work_says_why(lab: Lab) -> None:
    runner = lab.runner()
    task = Task(lab.store.project("p"), lab.configuration(), EXAMPLES, lab.documents, "questions")
    arguments = lab_arguments(lab.store, ABLATION, task, {"answers": False})
    job = runner.wait(runner.submit(ABLATION, "p", arguments, versions=lab_versions(task)), 60)
    assert job.status == "failed"
    assert "plain search" in job.error
    assert report_of(job, AblationReport) is None


@pytest.mark.parametrize(
    "change",
    [
        {"references": ()},
        {"reference": "Elbe"},
        {"category": "other"},
        {"variables": {"tone": "wet"}},
        {"question": "?"},
    ],
)
def test_whatever_an_example_says_decides_which_result_is_current(lab: Lab, change: dict[str, object]) -> None:
    project = lab.store.project("p")
    task = Task(project, lab.configuration(retrieval=HYBRID), EXAMPLES, lab.documents, "questions")
    variant = dataclasses.replace(task, examples=(dataclasses.replace(EXAMPLES[0], **change), *EXAMPLES[1:]))  # type: ignore[arg-type]
    assert variant.key() != task.key()


def test_what_stands_behind_a_models_name_decides_which_result_is_current(lab: Lab) -> None:
    configuration = lab.configuration(retrieval=HYBRID, model={"endpoint": "scripted", "name": "m"})
    models = lab.models()
    before = keys.lab_identity(configuration, models, lab.judge)
    assert keys.lab_identity(configuration, lab.models(), lab.judge) == before
    moved = models.endpoint("scripted").model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
    models._endpoints["scripted"] = moved
    assert keys.lab_identity(configuration, models, lab.judge) != before
    task = Task(lab.store.project("p"), configuration, EXAMPLES, lab.documents, "questions", before)
    assert dataclasses.replace(task, models="other").key() != task.key()
