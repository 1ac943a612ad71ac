from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from tests.stub_endpoint import StubEndpoint

from .conftest import Command


def test_it_runs_every_configuration_and_prints_the_leaderboard(
    llmopt: Command, experiment: Path, stub: StubEndpoint, tmp_path: Path
) -> None:
    process = llmopt("evaluate", experiment, "--json", "deep/out.json")
    assert process.code == 0, process.errors
    for word in ("baseline", "polite", "exact_match", "0.5", "cannot tell", "12 of 12", "project rivers"):
        assert word in process.out
    result = json.loads((tmp_path / "deep" / "out.json").read_text())
    assert [run["configuration"] for run in result["runs"]] == ["baseline", "polite"]
    assert result["runs"][0]["metrics"]["exact_match"]["mean"] == 0.5
    assert result["evaluation_set"]["size"] == 12
    assert stub.calls == 24


def test_json_alone_goes_to_stdout_and_an_unchanged_second_run_calls_nothing(
    llmopt: Command, experiment: Path, stub: StubEndpoint
) -> None:
    first = llmopt("evaluate", experiment, "--quiet", "--json")
    assert first.errors == ""
    assert [run["model_calls"] for run in first.json()["runs"]] == [12, 12]
    second = llmopt("evaluate", experiment, "-q", "--json", "-").json()
    assert [run["model_calls"] for run in second["runs"]] == [0, 0]
    assert [run["cached_calls"] for run in second["runs"]] == [12, 12]
    assert [run["records"][3]["answer"] for run in second["runs"]] == ["Rhine", "Rhine"]
    assert stub.calls == 24


def test_limit_and_one_configuration(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    result = inside("evaluate", experiment, "--limit", 3, "--configuration", "polite", "--json")
    (run,) = result.json()["runs"]
    assert (run["configuration"], len(run["records"]), run["metrics"]["exact_match"]["total"]) == ("polite", 3, 3)
    assert stub.calls == 3
    assert stub.requests[0]["body"]["messages"][0] == {"role": "system", "content": "Be polite."}


def test_concurrency_raises_the_limit_of_the_endpoint(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    stub.delay = 0.1
    assert inside("evaluate", experiment, "-q", "--concurrency", 12).code == 0
    assert stub.peak == 12


@pytest.mark.parametrize(
    ("bound", "code"),
    [("exact_match=0.5", 0), ("exact_match=0.51", 1), ("polite:answer_f1=0.4", 0), ("polite:answer_f1=0.9", 1)],
)
def test_a_threshold_decides_the_exit_code(inside: Command, experiment: Path, bound: str, code: int) -> None:
    result = inside("evaluate", experiment, "-q", "--fail-under", bound)
    assert result.code == code
    assert ("below" in result.errors) == (code == 1)


def test_failed_checks_decide_the_exit_code(inside: Command, experiment: Path) -> None:
    path = experiment.parent / "questions.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[:3]:
        line["checks"] = [{"type": "contains", "value": "Rhine"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    good = inside("evaluate", experiment, "-q")
    assert good.code == 0
    assert "checks" in good.out
    lines[1]["checks"] = [{"type": "contains", "value": "Elbe"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    bad = inside("evaluate", experiment, "-q", "--json")
    assert bad.code == 1
    assert "llmopt: baseline: 1 of 3 failed their assertions." in bad.errors
    scores = bad.json()["runs"][0]["records"][1]["scores"]
    assert scores["checks"]["value"] == 0.0


def test_several_thresholds_and_progress_on_stderr(llmopt: Command, experiment: Path) -> None:
    process = llmopt("evaluate", experiment, "--fail-under", "exact_match=0.2", "--fail-under", "answer_f1=0.99")
    assert process.code == 1
    assert "baseline: 12 of 12 questions · " in process.errors
    assert "llmopt: baseline: answer_f1 is 0.5, below 0.99." in process.errors
    assert "$0.096 so far" in process.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fail-under", "exact_match"], "--fail-under takes METRIC=V"),
        (["--fail-under", "exact_match=nan"], "--fail-under takes METRIC=V"),
        (["--fail-under", "bleu=0.5"], "which the experiment does not measure"),
        (["--fail-under", "nobody:exact_match=0.5"], "but there are: baseline, polite"),
        (["--configuration", "nobody"], "There is no configuration named 'nobody'; the file has: baseline, polite"),
        (["--baseline", "nobody"], "There is no configuration named 'nobody'"),
        (["--limit", "0"], "--limit"),
        (["--concurrency", "many"], "--concurrency"),
        (["--nonsense"], "--nonsense"),
        (["--budget", "0"], "budget must be more than $0"),
    ],
)
def test_bad_arguments_are_one_line_and_cost_nothing(
    inside: Command, experiment: Path, stub: StubEndpoint, arguments: list[str], words: str
) -> None:
    result = inside("evaluate", experiment, *arguments)
    assert result.code == 2
    assert words in result.complaint
    assert stub.calls == 0
    assert result.out == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("metrics:", "metrix:", "experiment.yaml line 3: metrix is not known (did you mean metrics?)"),
        ("exact_match,", "exact_mach,", "experiment.yaml line 3: there is no metric named exact_mach"),
        ("questions.jsonl", "nowhere.jsonl", "experiment.yaml line 2: nowhere.jsonl does not exist"),
        ("{{ question }}", "{{ queston }}", "uses {{ queston }}"),
        ("{{ question }}", "{{ question", "The prompt of baseline: the template is not valid Jinja2 (line 1)"),
        ("endpoint: stub", "endpoint: stab", "There is no endpoint named 'stab'"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(inside: Command, experiment: Path, old: str, new: str, words: str) -> None:
    experiment.write_text(experiment.read_text().replace(old, new, 1))
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert words in result.complaint


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"text": "a"}'], "questions.jsonl line 1"),
        ([""], "questions.jsonl"),
    ],
)
def test_a_wrong_question_file_is_told_with_its_line(
    inside: Command, experiment: Path, lines: list[str], words: str
) -> None:
    (experiment.parent / "questions.jsonl").write_text("\n".join(lines))
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert words in result.complaint


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"question": "a"}', '{"question": '], "line 2"),
        (['{"id": "x", "question": "a"}', '{"id": "x", "question": "b"}'], "line 2"),
    ],
)
def test_a_bad_line_of_a_question_file_is_left_out_and_told(
    inside: Command, experiment: Path, lines: list[str], words: str
) -> None:
    (experiment.parent / "questions.jsonl").write_text("\n".join(lines))
    result = inside("evaluate", experiment)
    assert result.code == 0
    assert "questions (1 question)" in result.out
    assert any("questions.jsonl" in line and words in line for line in result.errors.splitlines())


def test_a_missing_file_is_told(inside: Command) -> None:
    result = inside("evaluate", "none.yaml")
    assert (result.code, result.complaint) == (2, "none.yaml does not exist.")


def test_an_endpoint_that_refuses_ends_with_its_reason(llmopt: Command, experiment: Path, stub: StubEndpoint) -> None:
    stub.fault = "401"
    process = llmopt("evaluate", experiment, "-q", "--json", "out.json")
    assert process.code == 2
    assert "baseline failed: Stopped after" in process.errors
    result = json.loads((experiment.parent / "out.json").read_text())
    assert {run["status"] for run in result["runs"]} == {"failed"}
    assert result["runs"][0]["records"][0]["failure"]["kind"] == "unauthorized"


def test_a_rate_limit_is_waited_for(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    stub.faults = ["429", "500", "half-answer", None]
    result = inside("evaluate", experiment, "--limit", 2, "-q", "--json")
    assert result.code == 0
    assert all(record["answer"] == "Rhine" for run in result.json()["runs"] for record in run["records"])


def test_an_endpoint_that_is_not_there_is_told(inside: Command, experiment: Path) -> None:
    text = experiment.read_text().replace("prices:", "max_retries: 0, prices:")
    experiment.write_text(text.replace(text.split('base_url: "')[1].split('"')[0], "http://127.0.0.1:9/v1"))
    result = inside("evaluate", experiment, "-q", "--configuration", "baseline")
    assert result.code == 2
    assert "baseline failed:" in result.errors
    assert "127.0.0.1:9" in result.errors


def test_a_budget_stops_in_time(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    whole = inside("evaluate", experiment, "-q", "--limit", 1, "--configuration", "baseline", "--json").json()
    one = whole["runs"][0]["cost_usd"]
    done = inside("evaluate", experiment, "-q", "--budget", one * 5.5, "--json")
    assert done.code == 0
    assert "budget-reached" in done.errors
    result = done.json()
    assert result["runs"][-1]["status"] == "budget-reached"
    assert sum(run["cost_usd"] for run in result["runs"]) <= one * 5.5


def test_going_on_after_a_budget_makes_no_call_beyond_it_and_asks_for_a_new_one(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    ask = ("evaluate", experiment, "-q", "--configuration", "baseline")
    one = inside(*ask, "--limit", 1, "--json").json()["runs"][0]["cost_usd"]
    first = inside(*ask, "--budget", one * 3.5, "--json")
    calls = stub.calls
    assert first.json()["runs"][0]["status"] == "budget-reached"
    again = inside(*ask, "--budget", one * 3.5, "--json")
    assert (again.code, again.json()["runs"][0]["cost_usd"]) == (0, first.json()["runs"][0]["cost_usd"])
    without = inside(*ask)
    assert without.code == 2
    assert "baseline was stopped by its budget" in without.complaint
    assert "--budget" in without.complaint
    assert stub.calls == calls
    more = inside(*ask, "--budget", one * 100, "--json")
    assert (more.json()["runs"][0]["status"], more.code) == ("finished", 0)
    assert re.search(r"\$\S+ are left", more.errors)


def test_a_wrong_variable_is_named(inside: Command, experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPT_THREADS", "0")
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert result.complaint.startswith("LLMOPT_THREADS is '0': ")


def test_the_database_says_when_the_workspace_cannot_be_used(inside: Command, experiment: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "llmopt.db").write_bytes(b"no database" * 1000)
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert "is not a database" in result.complaint


def test_a_key_in_the_environment_is_used_and_never_shown(llmopt: Command, experiment: Path, tmp_path: Path) -> None:
    secret = "sk-very-secret-1234567890"
    with StubEndpoint(reply="Rhine", key=secret) as locked:
        text = experiment.read_text().replace("endpoint: stub", "endpoint: openai")
        experiment.write_text(text)
        environ = {"OPENAI_API_KEY": secret, "OPENAI_BASE_URL": locked.url}
        good = llmopt("evaluate", experiment, "--limit", 2, "--json", environ=environ)
        bad = llmopt(
            "evaluate", experiment, "--limit", 3, "--fresh", environ={**environ, "OPENAI_API_KEY": secret + "x"}
        )
    assert good.code == 0
    assert "1 failed" in bad.errors
    stored = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    for text in (good.out, good.errors, bad.out, bad.errors):
        assert secret not in text
    assert secret.encode() not in stored


def _questions(experiment: Path, rows: list[dict[str, object]]) -> None:
    (experiment.parent / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))


def _with_tone(experiment: Path, total: int, lacking: int) -> None:
    """So many questions, of which the last ones lack a column that the prompt needs."""
    rows: list[dict[str, object]] = [
        {"id": f"q{i}", "question": f"{i}?", "reference": "Rhine", **({"tone": "dry"} if i < total - lacking else {})}
        for i in range(total)
    ]
    _questions(experiment, rows)
    experiment.write_text(experiment.read_text().replace("{{ question }}", "{{ question }} {{ tone }}"))


def test_failed_answers_are_told_and_are_no_success(inside: Command, experiment: Path) -> None:
    _with_tone(experiment, 30, 7)
    result = inside("evaluate", experiment, "-q", "--configuration", "baseline", "--concurrency", 1)
    assert result.code == 4
    assert "llmopt: baseline: 7 of 30 answers failed: " in result.errors
    assert "tone" in result.errors
    assert "only 23 of 30 questions were answered; at least 90% are needed (--min-coverage)" in result.errors
    assert "23 of 30" in result.out
    lenient = inside("evaluate", experiment, "-q", "--configuration", "baseline", "--min-coverage", 0.7, "--fresh")
    assert lenient.code == 0
    assert "7 of 30 answers failed" in lenient.errors


def test_a_few_failed_answers_are_told_though_the_command_succeeds(inside: Command, experiment: Path) -> None:
    _with_tone(experiment, 30, 2)
    result = inside("evaluate", experiment, "-q", "--configuration", "baseline")
    assert result.code == 0
    assert "2 of 30 answers failed" in result.errors


@pytest.mark.parametrize(("options", "code"), [((), 4), (("--min-coverage", 0.25), 0), (("--min-coverage", 0.26), 4)])
def test_a_threshold_needs_enough_scores(
    inside: Command, experiment: Path, options: tuple[object, ...], code: int
) -> None:
    answered = {"reference": "Rhine"}
    _questions(experiment, [{"question": f"{i}?", **(answered if i == 0 else {})} for i in range(4)])
    result = inside("evaluate", experiment, "-q", "--fail-under", "baseline:exact_match=0.9", *options)
    assert result.code == code
    assert ("exact_match could be scored for 1 of 4 questions only" in result.errors) == bool(code)


def test_the_reason_of_what_is_not_scored_is_printed(inside: Command, experiment: Path) -> None:
    _questions(experiment, [{"question": f"{i}?"} for i in range(4)])
    result = inside("evaluate", experiment, "-q", "--configuration", "baseline")
    assert "not scored" in result.out
    assert "baseline: exact_match: 4 of 4 answers not scored: " in result.out
    assert "reference" in result.out.split("4 answers not scored: ")[1]


def test_why_answers_ended_is_told_everywhere(
    llmopt: Command, experiment: Path, stub: StubEndpoint, tmp_path: Path
) -> None:
    message = {"role": "assistant", "content": "", "reasoning_content": "Let me think about rivers"}
    stub.mangle = lambda said: {
        **said,
        "choices": [{"index": 0, "finish_reason": "length", "message": message}],
        "usage": {**said["usage"], "completion_tokens_details": {"reasoning_tokens": 30}},
    }
    text = "No answer: the model spent its 256 tokens on reasoning; raise max_tokens."

    process = llmopt("evaluate", experiment, "--json", "out.json", "--limit", 2)

    assert f"polite: 2 of 2 answers: {text}" in process.out
    record = json.loads((tmp_path / "out.json").read_text())["runs"][0]["records"][0]
    assert (record["answer"], record["finish_reason"], record["ending"]) == ("", "length", text)
    assert (record["reasoning"], record["reasoning_tokens"]) == ("Let me think about rivers", 30)
    assert llmopt("report", "out.json", "--out", "report.html").code == 0
    assert text in (tmp_path / "report.html").read_text()


def test_a_budget_without_room_for_the_first_answer_has_an_exit_code_of_its_own(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    result = inside("evaluate", experiment, "-q", "--budget", 1e-9, "--json")
    assert result.code == 3
    assert "llmopt: no answer came: The budget of $0.000000001 leaves no room" in result.errors
    (first, *_) = result.json()["runs"]
    assert (first["status"], first["records"]) == ("budget-reached", [])
    assert "leaves no room for the next call" in first["caveats"][-1]
    assert stub.calls == 0


def test_an_estimate_tries_five_questions_and_keeps_them(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    ask = ("evaluate", experiment, "-q", "--configuration", "baseline")
    result = inside(*ask, "--estimate", "--json")
    assert result.code == 0, result.errors
    (values,) = result.json()["estimates"]
    assert (values["left"], values["tried"], values["calls"]) == (7, 5, 7)
    assert stub.calls == 5
    low, high = values["cost_range"]
    assert low < values["cost_usd"] < high
    run = inside(*ask, "--json").json()["runs"][0]
    assert stub.calls == 12
    assert low < run["cost_usd"] < high
    text = inside(*ask, "--estimate").out
    assert "0 of 12" in text
    assert "nine of ten" in text


def test_a_paid_run_says_first_what_it_will_take_and_pays_nothing_twice(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    result = inside("evaluate", experiment, "--configuration", "baseline", "--json")
    assert result.code == 0, result.errors
    assert "7 of 12" in result.errors
    assert "From a pilot of up to 5 questions each" in result.errors
    (run,) = result.json()["runs"]
    assert stub.calls == 12
    # What the pilot paid is part of the run.
    assert run["model_calls"] == 12
    assert run["cost_usd"] == pytest.approx(0.06 * 1.2)
    # Nothing is left to be paid: nothing is said.
    assert "pilot" not in inside("evaluate", experiment, "--configuration", "baseline").errors
    assert stub.calls == 12


def test_at_a_terminal_it_asks_before_the_rest_is_paid_but_not_with_a_budget_or_yes(
    inside: Command, experiment: Path, stub: StubEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(text: str, **_: object) -> None:
        asked.append(text)
        raise typer.Abort

    monkeypatch.setattr("llmopt_core.cli.estimate._is_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", refuse)
    ask = ("evaluate", experiment, "-q", "--configuration", "baseline")
    assert inside(*ask).code == 130
    assert (asked, stub.calls) == (["Go on?"], 5)
    assert inside(*ask, "--limit", 6, "--yes").code == 0
    assert inside(*ask, "--budget", 1).code == 0
    assert (asked, stub.calls) == (["Go on?"], 12)


def test_the_budget_holds_for_pilot_and_run_together_and_stops_cleanly(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    price = 0.006
    result = inside("evaluate", experiment, "--configuration", "baseline", "--budget", 8.5 * price, "--json")
    (run,) = result.json()["runs"]
    assert run["status"] == "budget-reached"
    assert run["cost_usd"] <= 8.5 * price
    assert len(run["records"]) == stub.calls == 8
    assert "Traceback" not in result.errors
    more = inside("evaluate", experiment, "--configuration", "baseline", "--budget", 20 * price, "--json")
    assert more.code == 0, more.errors
    assert "pilot" not in more.errors, "what is gone on with was agreed to"
    assert stub.calls == 12
