"""The exit codes of a gate, and what it writes for pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.result_files import result_of, run_of
from tests.stub_endpoint import StubEndpoint

from .conftest import Command

GOOD = [1.0] * 160 + [0.0] * 40
# Forty fall, which is a fifth.
BAD = [1.0] * 120 + [0.0] * 80
CATEGORIES = ("prices", "dates")


def write(name: str, result: Any) -> str:
    Path(name).write_text(json.dumps(result))
    return name


@pytest.fixture
def old(inside: Command) -> str:
    """A baseline of 200 questions; `inside` changes into the folder of the test."""
    return write("old.json", result_of(run_of("rag", {"answer_f1": GOOD, "faithfulness": GOOD}, categories=CATEGORIES)))


def new(values: Any, name: str = "rag", **more: Any) -> str:
    scores = {"answer_f1": values, "faithfulness": values}
    return write("new.json", result_of(run_of(name, scores, categories=CATEGORIES, **more)))


MARGIN = ("--no-regression", "answer_f1:0.02")


def test_what_loses_nothing_passes(inside: Command, old: str) -> None:
    result = inside("gate", new(GOOD), "--baseline", old, *MARGIN, "--fail-under", "faithfulness=0.8", "--json")
    assert result.code == 0, result.errors
    values = result.json()
    assert (values["outcome"], values["exit_code"], values["baseline"]) == ("passed", 0, "old.json")
    (check,) = [one for one in values["checks"] if one["rule"] == "no-regression" and one["category"] is None]
    assert (check["metric"], check["bound"], check["pairs"], check["gain"]) == ("answer_f1", 0.02, 200, 0.0)
    assert 0 < check["largest_loss"] < 0.02
    assert "gate: passed (exit code 0)" in result.errors


def test_a_real_drop_fails(inside: Command, old: str) -> None:
    result = inside("gate", new(BAD), "--baseline", old, *MARGIN)
    assert result.code == 1
    assert "rag: answer_f1 went 0.8 → 0.6 over 200 questions: a real drop of 0.2" in result.errors
    assert "rag" in result.out
    assert "failed" in result.out


def test_a_real_drop_within_the_margin_passes(inside: Command, old: str) -> None:
    slightly = [1.0] * 157 + [0.0] * 43
    assert inside("gate", new(slightly), "--baseline", old, "--no-regression", "answer_f1:0.1").code == 0


def test_few_questions_cannot_tell_and_how_many_would_is_said(inside: Command) -> None:
    write("old.json", result_of(run_of("rag", {"answer_f1": [1.0] * 8 + [0.0] * 4})))
    write("new.json", result_of(run_of("rag", {"answer_f1": [1.0] * 7 + [0.0] * 5})))
    result = inside("gate", "new.json", "--baseline", "old.json", "--no-regression", "answer_f1:0.1")
    assert result.code == 3
    assert "is not ruled out, and 0.1 may be lost" in result.errors
    assert "more questions with this difference" in result.errors


def test_a_mean_below_its_threshold_fails_and_a_doubt_is_told(inside: Command) -> None:
    write("new.json", result_of(run_of("rag", {"faithfulness": GOOD[::4]})))
    missed = inside("gate", "new.json", "--fail-under", "faithfulness=0.85")
    assert missed.code == 1
    assert "rag: faithfulness is 0.8, below 0.85; its interval [0.67" in missed.errors
    assert "so the true mean may reach it" in missed.errors
    assert inside("gate", "new.json", "--fail-under", "rag:faithfulness=0.8").code == 0
    clear = inside("gate", "new.json", "--fail-under", "faithfulness=0.99")
    assert (clear.code, "interval" in clear.errors) == (1, False)


@pytest.mark.parametrize("side", ["old", "new"])
def test_too_few_scores_on_either_side_are_low_coverage(inside: Command, side: str) -> None:
    full, holes = GOOD, [None] * 30 + GOOD[30:]
    write("old.json", result_of(run_of("rag", {"answer_f1": holes if side == "old" else full})))
    write("new.json", result_of(run_of("rag", {"answer_f1": holes if side == "new" else full})))
    call = ("gate", "new.json", "--baseline", "old.json", *MARGIN)
    result = inside(*call)
    assert result.code == 4
    assert "has a score on both sides for 170 of 200 questions only" in result.errors
    assert inside(*call, "--min-coverage", 0.85).code == 0
    assert inside(*call, "--min-coverage", 0.86).code == 4


def test_questions_that_a_stopped_run_never_asked_are_missing_too(inside: Command, old: str) -> None:
    part = result_of(run_of("rag", {"answer_f1": GOOD[:100]}, total=200, status="budget-reached"))
    result = inside("gate", write("new.json", part), "--baseline", old, *MARGIN)
    assert result.code == 4
    assert "100 of 200 questions only" in result.errors


@pytest.mark.parametrize("status", ["failed", "cancelled", "interrupted", "running"])
def test_a_run_that_broke_outweighs_all(inside: Command, old: str, status: str) -> None:
    result = inside("gate", new(BAD, status=status), "--baseline", old, *MARGIN)
    assert result.code == 5
    assert f"its status is {status}" in result.errors


def test_a_real_drop_outweighs_low_coverage_of_another_metric(inside: Command) -> None:
    thin = [None] * 100 + GOOD[100:]
    write("old.json", result_of(run_of("rag", {"answer_f1": GOOD, "faithfulness": GOOD})))
    call = ("gate", "new.json", "--baseline", "old.json", "--fail-under", "faithfulness=0.1", *MARGIN)
    write("new.json", result_of(run_of("rag", {"answer_f1": BAD, "faithfulness": thin})))
    assert inside(*call).code == 1
    write("new.json", result_of(run_of("rag", {"answer_f1": [1.0] * 158 + [0.0] * 42, "faithfulness": thin})))
    assert inside(*call).code == 4


def test_another_version_of_the_set_is_refused_with_both_versions(inside: Command) -> None:
    write("old.json", result_of(run_of("rag", {"answer_f1": GOOD}), version="0ld0ld"))
    write("new.json", result_of(run_of("rag", {"answer_f1": GOOD}), version="beef"))
    result = inside("gate", "new.json", "--baseline", "old.json", *MARGIN)
    assert result.code == 2
    assert "old.json was made on version 0ld0ld of rivers, and this is version beef of rivers" in result.complaint


def test_a_question_that_was_changed_counts_as_another(inside: Command, old: str) -> None:
    result = result_of(run_of("rag", {"answer_f1": GOOD}))
    for record in result["runs"][0]["records"][:50]:
        record["question"] += " (changed)"
    done = inside("gate", write("new.json", result), "--baseline", old, *MARGIN)
    assert done.code == 4
    assert "150 of 200 questions only (200 now, 150 in the baseline)" in done.errors


BROKEN: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "is not JSON"),
    "a list": ("[]", "it has no list of runs"),
    "no set": ({"runs": [run_of("rag", {"answer_f1": GOOD})]}, "does not say on which version"),
    "a set that is a word": ({**result_of(run_of("rag", {"answer_f1": GOOD})), "evaluation_set": "x"}, "which version"),
    "no runs": (result_of(), "has no configuration named rag; it has: none"),
    "another name": (result_of(run_of("a", {"answer_f1": GOOD}), run_of("b", {"answer_f1": GOOD})), "it has: a, b"),
    "another metric": (result_of(run_of("rag", {"mrr": GOOD})), "rag has no metric answer_f1; it has: mrr"),
    "twice": (result_of(*[run_of("rag", {"answer_f1": GOOD})] * 2), "two configurations named rag"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_odd_baseline_is_one_sentence(inside: Command, case: str) -> None:
    content, words = BROKEN[case]
    new(GOOD)
    Path("old.json").write_text(content if isinstance(content, str) else json.dumps(content))
    result = inside("gate", "new.json", "--baseline", "old.json", *MARGIN)
    assert (result.code, result.out) == (2, "")
    assert words in result.complaint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "nothing to decide by"),
        (("--no-regression", "answer_f1:0.02"), "--baseline results.json"),
        (("--no-regression", "answer_f1", "--baseline", "old.json"), "METRIC:MARGIN"),
        (("--no-regression", "answer_f1:nan", "--baseline", "old.json"), "METRIC:MARGIN"),
        (("--no-regression", "answer_f1:-0.1", "--baseline", "old.json"), "0 or more"),
        (("--no-regression", "answer_f1:2", "--baseline", "old.json"), "answer_f1:0.02"),
        (("--no-regression", "bleu:0.1", "--baseline", "old.json"), "it has: answer_f1, faithfulness"),
        (("--no-regression", "nobody:answer_f1:0.1", "--baseline", "old.json"), "but there are: rag"),
        ((*MARGIN, *MARGIN, "--baseline", "old.json"), "answer_f1 twice"),
        ((*MARGIN, "--baseline", "gone.json"), "gone.json"),
        ((*MARGIN, "--baseline", "rag"), "nothing beside it"),
        (("--baseline", "old.json", "--fail-under", "answer_f1=0.5"), "give at least one"),
        (("--baseline", "old.json", "--baseline-configuration", "x", *MARGIN), "has no configuration named x"),
        (("--configuration", "x", "--fail-under", "answer_f1=0.5"), "has no configuration named x"),
    ],
)
def test_wrong_options_are_one_sentence(inside: Command, old: str, options: tuple[str, ...], words: str) -> None:
    result = inside("gate", new(GOOD), *options)
    assert (result.code, result.out) == (2, "")
    assert words in result.complaint


def test_scores_of_another_judge_are_refused_where_a_judge_decides(inside: Command, old: str) -> None:
    write("new.json", {**result_of(run_of("rag", {"answer_f1": GOOD, "faithfulness": GOOD})), "judge": "gpt on openai"})
    call = ("gate", "new.json", "--baseline", old, "--no-regression")
    assert inside(*call, "answer_f1:0.02").code == 0
    result = inside(*call, "faithfulness:0.02")
    assert result.code == 2
    assert "graded by built-in judge v4, and this is graded by gpt on openai" in result.complaint


def test_each_configuration_meets_its_namesake_and_others_are_told(inside: Command, old: str) -> None:
    scores = {"answer_f1": GOOD}
    write("new.json", result_of(run_of("rag", scores), run_of("fresh", {"answer_f1": BAD})))
    call = ("gate", "new.json", "--baseline", old, *MARGIN)
    result = inside(*call)
    assert result.code == 0
    assert "fresh: not compared, as old.json has no configuration of that name." in result.out
    assert inside(*call, "--baseline-configuration", "rag").code == 1
    assert inside(*call, "--baseline-configuration", "rag", "--configuration", "rag").code == 0
    within = inside("gate", "new.json", "--baseline", "rag", *MARGIN)
    assert within.code == 1
    assert "fresh: answer_f1" in within.errors
    assert "rag: answer_f1" not in within.errors


def test_a_category_decides_only_where_it_is_asked_to(inside: Command, old: str) -> None:
    # All that is lost is lost in the questions about dates; prices gain as much.
    mixed = [1.0 if (i % 2 == 0 or i < 90) and i < 196 else 0.0 for i in range(200)]
    call = ("gate", new(mixed), "--baseline", old, "--no-regression", "answer_f1:0.1", "--junit", "junit.xml")
    text = inside(*call)
    before = ElementTree.parse("junit.xml").getroot()
    result = inside(*call, "--by-category")
    after = ElementTree.parse("junit.xml").getroot()
    assert result.code == 1
    assert "rag: answer_f1 in dates went" in result.errors
    assert text.code == 3
    name = "answer_f1 no-regression 0.1, category dates"
    assert before.find(f".//testcase[@name='{name}']/skipped") is not None
    assert after.find(f".//testcase[@name='{name}']/failure") is not None


def test_a_pass_that_training_on_the_questions_may_have_bought_is_none(inside: Command, old: str) -> None:
    result = inside("gate", new(GOOD, trained_on=120), "--baseline", old, *MARGIN)
    assert result.code == 3
    assert "trained on 120 of these questions" in result.errors
    assert "120 of 200 questions stand in the training data of tuned" in result.out


def test_questions_that_share_documents_count_as_one(inside: Command, old: str) -> None:
    # Twenty of 200 fall, all about one of ten documents.
    fallen = [0.0] * 20 + GOOD[20:]
    alone = inside("gate", new(fallen), "--baseline", old, *MARGIN)
    clustered = result_of(run_of("rag", {"answer_f1": fallen}))
    for i, record in enumerate(clustered["runs"][0]["records"]):
        record["references"] = [{"document": f"{i // 20}.md", "start": 0, "end": 1}]
    result = inside("gate", write("new.json", clustered), "--baseline", old, *MARGIN, "--json")
    assert (alone.code, result.code) == (1, 3)
    check = next(one for one in result.json()["checks"] if one["rule"] == "no-regression")
    assert (check["unit"], check["clusters"]) == ("document", 10)


HOSTILE = "a|b`c` <img src=x> ]]> @team #12 :tada: \x00\x1b[2J \u202e [x](http://evil.invalid) **no**"


def test_hostile_names_stay_text_in_xml_and_markdown(inside: Command) -> None:
    for name, values in (("old.json", GOOD), ("new.json", BAD)):
        result = result_of(run_of(HOSTILE, {"answer_f1": values}, categories=[HOSTILE, "plain"]))
        result["evaluation_set"]["name"] = HOSTILE
        write(name, result)
    done = inside(
        "gate", "new.json", "--baseline", "old.json", *MARGIN, "--junit", "junit.xml", "--markdown", "gate.md"
    )
    assert done.code == 1
    root = ElementTree.parse("junit.xml").getroot()
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.get("name") == HOSTILE.replace("\x00", "\\x00").replace("\x1b", "\\x1b")
    text = Path("gate.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    # Four cells, whatever stands in them.
    assert {len(line.replace("\\|", "").split("|")) for line in rows} == {6}
    assert text.count("<img") == text.count("\\<img") > 0
    assert not any(sign in text for sign in ("@team", "#12", ":tada", "\x00", "\x1b", "\u202e", "](http"))


def test_junit_holds_the_essentials_and_agrees_with_the_exit_code(inside: Command, old: str) -> None:
    call = ("--baseline", old, *MARGIN, "--fail-under", "faithfulness=0.7", "--junit", "deep/junit.xml")
    for values, code in ((GOOD, 0), (BAD, 1), ([None] * 30 + GOOD[30:], 4)):
        assert inside("gate", new(values), *call).code == code
        root = ElementTree.parse("deep/junit.xml").getroot()
        assert root.tag == "testsuites"
        (suite,) = root
        cases = suite.findall("testcase")
        children = [child.tag for case in cases for child in case if child.tag != "system-out"]
        for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(counted) == root.get(counted) == str(children.count(tag))
        assert suite.get("tests") == str(len(cases))
        assert all(case.get("name") and case.get("classname") == "rag" and case.get("time") for case in cases)
        assert suite[0].tag == "properties"
        assert bool(code) == ("failure" in children or "error" in children)
        names = [case.get("name") for case in cases]
        assert len(set(names)) == len(names) == 1 + 2 * 3
        assert "answer_f1 no-regression 0.02" in names
        assert "faithfulness fail-under 0.7, category prices" in names


def test_markdown_goes_to_a_file_and_is_added_to_the_summary_of_the_job(
    inside: Command, old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    inside("gate", new(BAD), "--baseline", old, *MARGIN, "--markdown", "gate.md")
    text = Path("gate.md").read_text()
    assert text.startswith("<!-- llmopt gate -->\n\n### llmopt gate: failed\n")
    assert "| **failed** | rag | answer\\_f1 no\\-regression 0\\.02 |" in text
    assert "By category (told, not decided by)" in text
    assert summary.read_text() == f"before\n{text}\n"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    result = inside("gate", new(GOOD), "--baseline", old, *MARGIN)
    assert result.code == 0
    assert "summary for GitHub could not be written" in result.errors


def test_a_comment_keeps_below_the_limit_of_github(inside: Command) -> None:
    names = [f"configuration {i} {'x' * 300}" for i in range(300)]
    write("new.json", result_of(*(run_of(name, {"answer_f1": [1.0] * 5}, categories=["a"]) for name in names)))
    assert inside("gate", "new.json", "--fail-under", "answer_f1=0.5", "--markdown", "gate.md").code == 0
    text = Path("gate.md").read_text()
    assert len(text) < 65_536
    assert "more are left out here" in text


def test_evaluate_gates_what_it_has_just_run(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    assert inside("evaluate", experiment, "-q", "--json", "results.json").code == 0
    calls = stub.calls
    call = ("evaluate", experiment, "-q", "--baseline", "results.json", "--no-regression")
    # Twelve equal answers do not show that no more than 0.02 is lost.
    few = inside(*call, "exact_match:0.02", "--json", "out.json")
    assert few.code == 3
    assert json.loads(Path("out.json").read_text())["gate"]["exit_code"] == 3
    result = inside(*call, "exact_match:0.5", "--junit", "junit.xml")
    assert result.code == 0, result.errors
    assert [suite.get("name") for suite in ElementTree.parse("junit.xml").getroot()] == ["baseline", "polite"]
    assert stub.calls == calls


def test_evaluate_refuses_a_baseline_of_other_questions_before_it_asks(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    write("results.json", result_of(run_of("baseline", {"exact_match": GOOD}), version="0ld"))
    call = ("evaluate", experiment, "-q", "--no-regression", "exact_match:0.02")
    result = inside(*call, "--baseline", "results.json")
    assert result.code == 2
    assert "results.json was made on version 0ld of rivers, and this is version" in result.complaint
    assert inside(*call).code == 2
    assert inside(*call, "--baseline", "gone.json").code == 2
    assert inside(*call, "--baseline", "baseline", "--configuration", "polite").code == 2
    assert stub.calls == 0


def test_evaluate_compares_with_a_configuration_of_the_same_file(inside: Command, experiment: Path) -> None:
    result = inside(
        "evaluate", experiment, "-q", "--baseline", "baseline", "--no-regression", "exact_match:0.5", "--json"
    )
    assert result.code == 0, result.errors
    (check,) = [one for one in result.json()["gate"]["checks"] if one["rule"] == "no-regression"]
    assert (check["configuration"], check["baseline"]) == ("polite", "baseline")


def test_evaluate_says_5_where_its_run_broke(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    stub.fault = "401"
    result = inside("evaluate", experiment, "-q", "--fail-under", "exact_match=0.1", "--junit", "junit.xml")
    assert result.code == 5
    assert "baseline failed: " in result.errors
    assert "gate: broke (exit code 5)" in result.errors
    errors = ElementTree.parse("junit.xml").getroot().findall("testsuite/testcase[@name='run']/error")
    assert len(errors) == 2


def test_a_budget_without_room_for_an_answer_cannot_tell(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    result = inside("evaluate", experiment, "-q", "--budget", 1e-9, "--fail-under", "exact_match=0.1")
    assert result.code == 3
    assert "no answer came" in result.errors
    assert stub.calls == 0
