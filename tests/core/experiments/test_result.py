import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.experiments.report import report_of, write_report
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import read_result, scores_from
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Answer, Message, Record, ToolCall
from tests.engine_lab import EXAMPLES, TEXTS, Lab, reply

from .test_runner import run


async def made(lab: Lab) -> dict[str, object]:
    def sometimes(request: ChatRequest) -> str:
        if EXAMPLES[3].question in request.messages[-1].content:
            raise EndpointError("The endpoint took too long.", "timeout")
        return reply(request)

    lab.chat = ScriptedChat(sometimes, cost_usd=0.01)
    closed = lab.configuration("baseline", retrieval=None, prompt={"template": "Say something."})
    runs = await run(lab, lab.plan(closed, lab.configuration()))
    return result_of(lab.store, [r.id for r in runs])


async def test_the_result_has_the_published_structure(lab: Lab) -> None:
    result = await made(lab)
    assert list(result) == [
        "project", "evaluation_set", "judge", "runs", "colours", "votes", "family", "margin", "comparisons",
    ]  # fmt: skip
    assert result["evaluation_set"] == {"name": "questions", "version": lab.evaluation_set.version, "size": 4}
    assert result["judge"] == "built-in judge v4"
    closed, rag = result["runs"]  # type: ignore[misc]
    assert list(rag) == [
        "configuration", "fingerprint", "spec", "status", "created_at", "metrics", "tokens", "cost_usd", "model_calls",
        "cached_calls", "seconds", "per_question", "documents_version", "uses_documents", "training_overlap",
        "caveats", "records",
    ]  # fmt: skip
    assert (rag["configuration"], rag["status"], rag["model_calls"], rag["cached_calls"]) == ("rag", "finished", 3, 0)
    assert rag["fingerprint"] == lab.configuration().fingerprint
    # Three of three right: Wilson's interval, not a point.
    interval = pytest.approx([0.4385, 1.0], abs=1e-4)
    assert rag["metrics"]["answer_f1"] == {"mean": 1.0, "ci95": interval, "scored": 3, "total": 4}
    assert closed["metrics"]["hit_rate"] == {"mean": None, "ci95": [None, None], "scored": 0, "total": 4}
    assert rag["cost_usd"] == pytest.approx(0.03)
    assert set(rag["tokens"]) == {"prompt", "completion"}
    assert rag["tokens"]["prompt"] > 0


async def test_a_record_shows_answer_contexts_scores_and_failure(lab: Lab) -> None:
    result = await made(lab)
    closed, rag = result["runs"]  # type: ignore[misc]
    good, bad = rag["records"][0], rag["records"][3]
    assert list(good) == [
        "example_id", "question", "reference", "category", "references", "candidates", "answer", "finish_reason",
        "ending", "reasoning", "reasoning_tokens", "contexts", "scores", "failure", "seconds",
    ]  # fmt: skip
    assert (good["example_id"], good["answer"], good["reference"], good["failure"]) == ("q0", "Rhine", "Rhine", None)
    (context,) = good["contexts"]
    assert TEXTS[context["document"]][context["start"] : context["end"]] == context["text"]
    assert isinstance(context["score"], float)
    assert good["scores"]["answer_f1"]["value"] == 1.0
    assert good["scores"]["answer_f1"]["failure"] is None
    assert closed["records"][0]["scores"]["hit_rate"]["value"] is None
    assert closed["records"][0]["scores"]["hit_rate"]["failure"]
    assert bad["answer"] is None
    assert bad["failure"] == {"stage": "answer", "kind": "timeout", "message": "The endpoint took too long."}


async def test_a_record_says_where_its_source_stood_among_the_candidates(lab: Lab) -> None:
    narrow = lab.configuration(retrieval={"chunking": {"size": 8}, "top_k": 1, "search": {"candidates": 5}})
    runs = await run(lab, lab.plan(narrow, lab.configuration("closed", retrieval=None, prompt={"template": "Hm."})))
    searched, closed = result_of(lab.store, [one.id for one in runs])["runs"]
    assert searched["spec"] == runs[0].configuration
    record = searched["records"][0]
    (place,) = record["references"]
    source = EXAMPLES[0].references[0]
    assert (place["document"], place["start"], place["end"]) == (source.document, source.start, source.end)
    stored = lab.store.record(runs[0].id, "q0")
    (searching,) = [stage for stage in stored.trace if stage.stage == "search"]
    spans = [hit.chunk.span for hit in searching.hits]
    ranks = [rank for rank, span in enumerate(spans, 1) if span.start < source.end and source.start < span.end
             and span.document == source.document]  # fmt: skip
    assert record["candidates"] == len(spans) == 5
    # The first stage from behind that has it: the only chunk handed over, or else the search.
    handed = [hit.chunk.span for hit in stored.answer.hits] if stored.answer else []
    assert place["candidate_rank"] == (
        1 if handed[0] in [spans[rank - 1] for rank in ranks] else min(ranks, default=None)
    )
    assert closed["records"][0]["candidates"] is None

    without = result_of(lab.store, [runs[0].id], traces=False)["runs"][0]["records"][0]
    assert without["candidates"] is None


async def test_an_answer_that_is_a_call_of_a_tool_is_recorded_told_and_not_scored(lab: Lab) -> None:
    call = ToolCall("a", "weather", '{"town": "Oslo"}')
    lab.chat = ScriptedChat(lambda _: call)

    runs = await run(lab, lab.plan(lab.configuration()))

    (record, *_) = lab.store.records(runs[0].id)
    assert record.answer is not None
    assert (record.answer.text, record.answer.tool_calls) == ("", (call,))
    assert record.scores["answer_f1"].value is None
    (result,) = result_of(lab.store, [runs[0].id])["runs"]
    assert result["records"][0]["tool_calls"] == [
        {"id": "a", "name": "weather", "arguments": '{"town": "Oslo"}', "result": None}
    ]
    assert result["records"][0]["ending"] == "No answer: the model called a tool, though none was offered."
    assert result["metrics"]["answer_f1"]["scored"] == 0


async def test_calls_on_the_way_to_an_answer_are_shown_with_their_results(lab: Lab) -> None:
    (made_run,) = await run(lab, lab.plan(lab.configuration()))
    call, other = ToolCall("a", "weather", '{"town": "Oslo"}'), ToolCall("b", "clock")
    prompt = (
        Message("user", "What is the weather?"),
        Message("assistant", "", (call, other)),
        Message("tool", "Rain.", tool_call_id="a", name="weather"),
    )
    record = Record(EXAMPLES[0], Answer("It rains.", prompt=prompt))
    lab.store.save_records(made_run.id, [(0, record)])

    assert lab.store.records(made_run.id)[0].answer == record.answer
    (result,) = result_of(lab.store, [made_run.id])["runs"]
    assert [(use["name"], use["result"]) for use in result["records"][0]["tool_calls"]] == [
        ("weather", "Rain."), ("clock", None),
    ]  # fmt: skip


async def test_it_is_written_and_read_back(lab: Lab, tmp_path: Path) -> None:
    result = await made(lab)
    (tmp_path / "out.json").write_text(json.dumps(result), encoding="utf-8")
    again = read_result(tmp_path / "out.json")
    assert again == json.loads(json.dumps(result))
    scores = scores_from(again["runs"][1])
    assert scores.examples if hasattr(scores, "examples") else scores.scores.examples == ("q0", "q1", "q2", "q3")
    assert scores.scores.values["answer_f1"] == [1.0, 1.0, 1.0, None]
    assert scores.total == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", r"line 1: this is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no list of runs"),
        (b'{"runs": [{}]}', r"run 1 needs configuration, metrics and records"),
        (b'{"runs": [{"configuration": "a", "metrics": {}, "records": [{}]}]}', "a record without example_id"),
    ],
)
def test_a_file_that_is_no_result_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        read_result(tmp_path / "x.json")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_result(tmp_path / "none.json")


async def test_the_report_is_one_page_that_asks_for_nothing(lab: Lab, tmp_path: Path) -> None:
    result = await made(lab)
    size = write_report(json.loads(json.dumps(result)), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert size == len(page.encode())
    for word in ("Which river flows through Cologne?", "The endpoint took too long.", "rag", "baseline", "<svg"):
        assert word in page
    for sign in ("<script", "http://", "https://", "<link", "src=", "@import", "url("):
        assert sign not in page
    assert "default-src 'none'" in page


async def test_the_report_puts_first_what_differs_most(lab: Lab) -> None:
    report = report_of(await made(lab))
    assert report.examples[-1].id == "q3"
    assert report.baseline == "baseline"
    assert report.metrics[0].cells[0].verdict == ""
    assert report.metrics[0].cells[1].verdict in ("better", "cannot tell")


def test_the_report_begins_with_scores_that_all_configurations_have() -> None:
    def of(name: str, **scores: float | None) -> dict[str, object]:
        records = [
            {
                "example_id": f"q{number}",
                "question": f"q{number}?",
                "answer": "a",
                "scores": {metric: {"value": value} for metric, value in scores.items()},
            }
            for number in range(3)
        ]
        metrics = {metric: {"mean": value} for metric, value in scores.items()}
        return {"configuration": name, "metrics": metrics, "records": records, "model_calls": 3}

    plain = of("plain", faithfulness=None, answer_f1=0.5, hit_rate=None)
    report = report_of({"runs": [plain, of("rag", faithfulness=0.9, answer_f1=0.7, hit_rate=1.0)]})
    assert [metric.name for metric in report.metrics] == ["answer_f1", "faithfulness", "hit_rate"]
    assert dict(report.runs[0].facts)["model calls"] == "3"


def test_user_text_never_becomes_html(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    record = {
        "example_id": evil,
        "question": evil,
        "reference": evil,
        "answer": evil,
        "contexts": [{"document": evil, "start": 0, "end": 1, "text": evil, "score": 0.5}],
        "scores": {evil: {"value": 0.5, "explanation": evil, "failure": None}},
        "failure": {"message": evil},
    }
    run_ = {"configuration": evil, "metrics": {evil: {"mean": 0.5}}, "records": [record], "status": evil}
    write_report({"project": evil, "runs": [run_], "judge": evil}, tmp_path / "r.html", title=evil)
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_a_report_needs_a_run_and_a_known_baseline() -> None:
    with pytest.raises(BadInput, match="no runs"):
        report_of({"runs": []})
    run_ = {"configuration": "a", "metrics": {}, "records": []}
    with pytest.raises(BadInput, match="no configuration named b; it has: a"):
        report_of({"runs": [run_]}, baseline="b")
    assert [r.name for r in report_of({"runs": [run_, run_]}).runs] == ["a (1)", "a (2)"]


def test_days_of_a_report_are_all_in_one_time_zone() -> None:
    late, early = "2026-03-03T20:05:00+00:00", "2026-03-02T23:30:00-08:00"
    runs = [
        {"configuration": name, "metrics": {"answer_f1": {"mean": 0.5, "total": None}}, "records": [], "created_at": at}
        for name, at in (("a", late), ("b", early))
    ]
    there = timezone(timedelta(hours=5, minutes=30))
    today = datetime.now(there)
    subtitle = report_of({"runs": runs}, zone=there).subtitle
    assert subtitle.endswith(f"evaluated on 3 March 2026 to 4 March 2026; report of {today.day} {today:%B %Y}")
    west = report_of({"runs": runs}, zone=timezone(timedelta(hours=-12))).subtitle
    assert "evaluated on 2 March 2026 to 3 March 2026;" in west


@pytest.mark.parametrize(
    "odd", ["last week", [1], 10**400, float("nan"), True], ids=["text", "list", "huge", "nan", "true"]
)
def test_what_a_file_says_beside_its_scores_may_be_anything(tmp_path: Path, odd: object) -> None:
    metric = {"mean": 0.5, "total": None}
    run_ = {"configuration": "a", "metrics": {"answer_f1": metric}, "records": [], "created_at": "2026-03-01T09:00:00"}
    each = {"asked": 2, "seconds": odd, "tokens": odd, "cost_usd": odd}
    edited = {
        **run_, "created_at": odd, "tokens": {"prompt": odd}, "cost_usd": odd, "model_calls": odd, "cached_calls": odd,
        "seconds": odd, "per_question": each,
    }  # fmt: skip
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"runs": [run_, edited, {**edited, "tokens": odd}], "evaluation_set": odd}))
    report = report_of(read_result(path))
    assert "evaluated on 1 March 2026;" in report.subtitle
    facts = dict(report.runs[1].facts)
    assert (facts["cost"], facts["model calls"]) == ("unknown", "unknown and unknown from the cache")
    path.write_text(json.dumps({"runs": [{**run_, "metrics": {"answer_f1": {"mean": odd}}}]}))
    with pytest.raises(BadInput, match="the metric answer_f1 needs numbers as mean"):
        read_result(path)
