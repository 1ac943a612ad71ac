"""Files of other evaluation tools: each of them is recognised by its shape and read as it is meant."""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile, read_bytes
from llmopt_core.interop.results.imported_run import ImportedRun, imported_run, mean_score
from llmopt_core.interop.results.inspect_ai import grade_value
from llmopt_core.interop.results.recognise import FoundResults, recognise

DATA = Path(__file__).parents[2] / "data" / "results"


def files(*names: str) -> list[ResultFile]:
    """Named `upload-1` and so on: nothing may rest on how a file is called."""
    paths = [path for name in names for path in sorted(DATA.glob(name))]
    assert paths, names
    return [read_bytes(f"upload-{n}", path.read_bytes()) for n, path in enumerate(paths)]


def read(*names: str) -> list[ImportedRun]:
    return [imported_run(variant) for variant in recognise(files(*names)).variants]


def found(value: Any, name: str = "x.json") -> FoundResults:
    return recognise([read_bytes(name, json.dumps(value).encode())])


def by_id(run: ImportedRun) -> dict[str, Any]:
    return {case.id: case for case in run.cases}


def means(run: ImportedRun) -> Mapping[str, float | None]:
    """Metric -> mean over the questions that have a value, to three digits."""
    result = {}
    for metric in run.metrics:
        values = [mean_score(metric, case.answers).value for case in run.cases]
        known = [value for value in values if value is not None]
        result[metric.partition(" (")[0]] = round(sum(known) / len(known), 3) if known else None
    return result


def failed(run: ImportedRun) -> set[str]:
    return {case.question.partition(" ")[0] for case in run.cases if all(row.failure for row in case.answers)}


BOTH, ONE = {"How", "When"}, {"When"}  # The first words of the two questions that failed.


@pytest.mark.parametrize(
    ("names", "tool", "repeats", "first", "second"),
    [
        (["promptfoo/two_models.json"], "promptfoo", 2, {"pass": 1.0}, {"pass": 0.5}),
        (["promptfoo/two_models.csv"], "promptfoo", 2, {"pass": 1.0}, {"pass": 0.5}),
        (["inspect/model-?.eval"], "Inspect AI", 2, {"match": 1.0}, {"match": 0.5}),
        (["deepeval/*"], "DeepEval", 1, {"Exact Match": 1.0}, {"Exact Match": 0.333}),
        (["openai/eval_*"], "OpenAI", 1, {"String check": 1.0}, {"Correctness": 0.667}),
        (["mlflow/genai_*"], "MLflow", 1, {"exact_match": 1.0}, {"correctness": 0.667}),
        (["phoenix/experiment*.csv", "phoenix/*_meta.json"], "Phoenix", 2, {"exact_match": 1.0},
         {"exact_match": 0.333}),
        (["langfuse/run_*", "langfuse/dataset_*", "langfuse/api_*"], "Langfuse", 1, {"exact_match": 1.0},
         {"correctness": 0.667}),
        (["openai/batch_*"], "OpenAI", 1, {}, {}),
    ],
)  # fmt: skip
def test_both_models_with_their_scores_and_failures(
    names: list[str], tool: str, repeats: int, first: dict[str, float], second: dict[str, float]
) -> None:
    a, b = read(*names)
    assert (a.variant.tool, b.variant.tool) == (tool, tool)
    assert a.repeats == b.repeats == repeats
    assert len(a.cases) == len(b.cases) == 5
    # Errors are failures and have no score, whatever the tool gave them.
    assert (failed(a), failed(b)) == (ONE, BOTH)
    assert first.items() <= means(a).items()
    assert second.items() <= means(b).items()
    for run in (a, b):
        for case in run.cases:
            assert all(not row.scores for row in case.answers if row.failure)


def test_ragas_counts_an_empty_cell_as_missing_and_reads_contexts_from_python_lists() -> None:
    a, b = read("ragas/evaluation*")
    faithfulness = [mean_score("faithfulness (Ragas)", case.answers) for case in b.cases]
    assert sum(score.value is None for score in faithfulness) == 2
    assert all(score.failure for score in faithfulness if score.value is None)
    contexts = a.cases[0].answers[0].contexts
    assert contexts is not None
    assert len(contexts) == 1
    assert contexts[0].text.startswith("ile also racking up")
    assert "\n" in contexts[0].text
    # The table says nothing of these.
    assert {"tokens", "cost", "latency", "name of the model", "date"} <= set(a.missing)


def test_a_table_of_ones_own_columns() -> None:
    (run,) = read("ragas/experiment.csv")
    assert failed(run) == BOTH
    assert means(run) == {"correct": 0.667, "exact": 0.333}  # `pass` and `fail` as words, and numbers.
    assert run.variant.model == "model-b"
    explained = mean_score("correct (table)", by_id(run)["super_bowl_50-1"].answers)
    assert explained.explanation == "reference text found"


def test_questions_alone_are_no_results() -> None:
    with pytest.raises(BadInput, match="questions without answers and scores"):
        recognise(files("ragas/dataset.csv"))


def test_promptfoo_weights_costs_tokens_and_the_reason_of_an_error() -> None:
    a, b = read("promptfoo/two_models.json")
    assert (a.name, b.name) == ("model-a", "model-b")
    # Of weight 0: promptfoo's own named score says 0 for what passed.
    assert means(a)["short_enough"] == 1.0
    row = by_id(a)["super_bowl_50-1"].answers[0]
    assert (row.prompt_tokens, row.completion_tokens, row.reference, row.category) == (
        27,
        4,
        "Pittsburgh Steelers",
        "who",
    )
    assert row.cost_usd == pytest.approx(8.6e-05)
    failure = by_id(b)["black_death-1"].answers[0].failure
    assert failure is not None
    assert "maximum context length" in failure.message
    judged = mean_score("correctness (promptfoo)", by_id(a)["super_bowl_50-1"].answers)
    assert judged.judge == "openai:chat:judge"


def test_two_prompts_of_one_model_are_two_variants_and_a_cost_of_0_is_unknown() -> None:
    terse, polite = read("promptfoo/two_prompts.jsonl")
    assert (terse.name, polite.name) == ("openai:chat:model-a · terse", "openai:chat:model-a · polite")
    assert "cost" in terse.missing
    assert all(row.cost_usd is None for row in terse.variant.rows)
    assert terse.repeats == 2
    assert polite.cases[0].answers[0].prompt[0].role == "system"


def test_the_csv_of_promptfoo_keeps_the_first_variant_and_leaves_out_what_it_writes_wrongly() -> None:
    a, b = read("promptfoo/two_models.csv")
    assert by_id(a)["warsaw-1"].answers[0].answer == "Momus"
    assert by_id(b)["warsaw-1"].answers[0].answer == "Afranji"
    assert "short_enough" not in means(a)
    assert any("short_enough" in note for note in a.variant.notes)


def test_letters_of_inspect_are_taken_as_inspect_takes_them() -> None:
    letters = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "No": 0.0, "0.25": 0.25, "c": None, "maybe": None}
    assert {letter: grade_value(letter) for letter in letters} == letters
    assert grade_value(True) == 1.0
    assert grade_value(float("nan")) is None


def test_inspect_scores_of_several_parts_are_metrics_of_their_own() -> None:
    log = {
        "version": 2, "status": "success", "eval": {"model": "p/m", "task": "t"},
        "samples": [{
            "id": 7, "epoch": 1, "target": ["b", "c"], "choices": [],
            "input": [{"role": "system", "content": "s"}, {"role": "user", "content": "attachment://x"}],
            "attachments": {"x": "the question"}, "output": {"completion": "b", "choices": [{"stop_reason": "stop"}]},
            "scores": {"rubric": {"value": {"clear": "C", "short": 0.5}}, "pair": {"value": [1, "I"]},
                       "odd": {"value": "grand"}},
        }],
    }  # fmt: skip
    (run,) = [imported_run(variant) for variant in found(log).variants]
    case = run.cases[0]
    assert (case.id, case.question, case.reference, case.right_answers) == ("7", "the question", "b", ("b", "c"))
    assert means(run) == {"rubric/clear": 1.0, "rubric/short": 0.5, "pair/1": 1.0, "pair/2": 0.0, "odd": None}
    assert run.name == "m"


def test_inspect_names_what_a_request_that_was_too_long_became() -> None:
    _, b = read("inspect/model-?.eval")
    assert any("too long" in note for note in b.variant.notes)
    assert mean_score("model_graded_qa (Inspect AI)", by_id(b)["warsaw-1"].answers).judge == "openai-api/stub/judge"
    # The judge's tokens are not the answer's.
    assert by_id(b)["super_bowl_50-1"].answers[0].prompt_tokens == 25


def test_the_table_of_inspect_has_neither_answers_nor_models() -> None:
    runs = read("inspect/samples_df.csv")
    assert len(runs) == 2
    assert {"answers", "name of the model"} <= set(runs[0].missing)
    assert by_id(runs[0])["warsaw-1"].question == "What was Warsaw's first literary cabaret?"
    # With the log of the same evaluation it adds nothing.
    assert len(read("inspect/samples_df.csv", "inspect/model-?.eval")) == 2


def test_old_logs_of_inspect_are_deflated() -> None:
    (run,) = read("inspect/old.eval")
    assert (len(run.cases), run.repeats, run.variant.version) == (2, 2, "0.3.130")


def test_lm_eval_has_a_metric_per_filter_and_one_row_per_document() -> None:
    b = next(run for run in read("lm_eval/model-b/*") if run.variant.tool == "lm-eval")
    assert len(b.cases) == 5
    assert means(b) == {"exact_match,none": 0.2, "exact_match,strip-sentence": 0.4}
    assert b.cases[0].question == "Who lost to the Broncos in the divisional round?"


def test_lm_eval_joins_samples_with_their_results_by_their_means_where_names_say_nothing() -> None:
    def results(model: str, mean: float) -> dict[str, Any]:
        return {"results": {"t": {"acc,none": mean}}, "configs": {"t": {}}, "config": {}, "model_name": model,
                "higher_is_better": {"t": {"acc": True}}}  # fmt: skip

    def samples(*values: float) -> bytes:
        rows = [
            {"doc_id": n, "doc": {"question": f"q{n}"}, "resps": [["a"]], "filtered_resps": ["a"], "target": "a",
             "filter": "none", "metrics": ["acc"], "acc": value} for n, value in enumerate(values)
        ]  # fmt: skip
        return "\n".join(map(json.dumps, rows)).encode()

    uploads = [
        read_bytes("1", json.dumps(results("low", 0.5)).encode()), read_bytes("2", samples(1, 1)),
        read_bytes("3", json.dumps(results("high", 1.0)).encode()), read_bytes("4", samples(0, 1)),
    ]  # fmt: skip
    runs = [imported_run(variant) for variant in recognise(uploads).variants]
    assert {run.name: means(run)["acc"] for run in runs} == {"high": 1.0, "low": 0.5}


def test_lm_eval_multiple_choice_answers_with_the_likeliest_choice() -> None:
    (run,) = read("lm_eval/dummy_multiple_choice/*")
    case = run.cases[0]
    assert (case.reference, case.answers[0].answer) == ("Pittsburgh Steelers", "Pittsburgh Steelers")
    assert means(run).keys() == {"acc", "acc_norm"}


def test_lm_eval_keeps_repeated_answers_without_scoring_them_twice() -> None:
    (run,) = read("lm_eval/model-b_repeats2/*")
    assert run.repeats == 2
    assert all(not case.answers[1].scores for case in run.cases)


def test_lm_eval_means_alone_say_what_to_do() -> None:
    with pytest.raises(BadInput, match="--log_samples"):
        recognise(files("lm_eval/model-a/results*"))


def test_deepeval_tells_the_direction_of_a_metric_and_a_metric_that_broke() -> None:
    def metric(name: str, score: float | None, success: bool, **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "threshold": 0.5,
            "success": success,
            **({} if score is None else {"score": score}),
            **more,
        }

    cases = [
        {"name": "test_case_0", "input": "q", "actualOutput": "a", "success": False, "order": 1,
         "metricsData": [metric("Bias-like", 0.2, True), metric("G", None, False, error="timeout")]},
        {"name": "mine", "input": "p", "actualOutput": "a", "success": False, "order": 0,
         "metricsData": [metric("Bias-like", 0.9, False), metric("G", 1.0, True)]},
    ]  # fmt: skip
    (run,) = [imported_run(variant) for variant in found({"testCases": cases}).variants]
    assert [case.question for case in run.cases] == ["p", "q"]
    assert [case.id for case in run.cases] == ["mine", "q2"]
    assert "Bias-like (DeepEval, lower is better)" in run.metrics
    broken = mean_score("G (DeepEval)", run.cases[1].answers)
    assert (broken.value, broken.failure) == (None, "timeout")
    # A case that did not pass since a metric broke says nothing of the answer.
    assert mean_score("pass (DeepEval)", run.cases[1].answers).value is None


def test_traces_of_mlflow_with_feedback_of_people_and_the_first_expectation() -> None:
    runs = read("mlflow/traces.jsonl")
    assert [run.name for run in runs] == ["model-b"]
    assert failed(runs[0]) == BOTH
    references = {case.reference for case in runs[0].cases}
    assert "checked by a person" not in references
    assert "Pittsburgh Steelers" in references


def test_spans_of_phoenix_with_their_annotations_and_documents() -> None:
    runs = {run.name: run for run in read("phoenix/spans.json", "phoenix/span_annotations.json")}
    first = runs["model-b"].cases[0].answers[0]
    assert first.contexts is not None
    assert (first.contexts[0].document, first.contexts[0].score) == ("super_bowl_50.md", 0.83)
    assert any(metric.startswith("user_feedback") for metric in runs["model-a"].metrics)
    assert "reference answers" in runs["model-a"].missing


def test_two_exports_of_the_same_spans_are_one() -> None:
    (alone,), twice = read("phoenix/spans.json")[:1], read("phoenix/spans.json", "phoenix/spans.json")
    assert twice[0].cases[0].answers[0].prompt_tokens == alone.cases[0].answers[0].prompt_tokens
    assert twice[0].repeats == 1


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["langfuse/run_scores.csv"], "give the export of traces too"),
        (["langfuse/dataset_items.json"], "give the export of traces too"),
        (["phoenix/span_annotations.json"], "give the spans too"),
        (["phoenix/experiment_model-a_meta.json"], "give the experiment too"),
        (["openai/batch_input_*"], "give the file of its answers too"),
        (["openai/batch_output_*"], "give its input file too"),
        (["otel/genai_1.30_logs.jsonl"], "give the traces too"),
        (["otel/genai_1.30_traces.jsonl"], "without the texts of questions"),
    ],
)
def test_a_part_alone_says_what_else_is_needed(names: list[str], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        recognise(files(*names))


def test_events_of_the_older_convention_hold_the_messages() -> None:
    runs = {run.name: run for run in read("otel/genai_1.30_*")}
    assert runs["model-b"].cases[0].question == "Who lost to the Broncos in the divisional round?"
    assert runs["model-b"].cases[0].answers[0].answer == "Pittsburgh Steelers"
    assert runs["model-b"].cases[0].answers[0].prompt_tokens == 25


def test_the_newer_convention_and_its_failures() -> None:
    runs = {run.name: run for run in read("otel/genai_1.37.jsonl")}
    assert failed(runs["model-a"]) == ONE
    assert failed(runs["model-b"]) == set()


def test_one_bad_line_costs_itself_alone_and_is_named() -> None:
    lines = (DATA / "openai" / "eval_output_items_model-a.jsonl").read_bytes().splitlines(keepends=True)
    file = read_bytes("items.jsonl", b"".join([*lines[:2], b'{"broken": \n', b"[1]\n", *lines[2:]]))
    result = recognise([file])
    assert len(imported_run(result.variants[0]).cases) == 5
    assert [problem.partition(": ")[0] for problem in result.problems] == ["items.jsonl line 3", "items.jsonl line 4"]


def test_a_bad_row_of_a_table_costs_itself_alone_and_is_named() -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["user_input", "response", "m"], ["q1", "a", 1], ["q2", "a"], ["q3", "a", 0]])
    result = recognise([read_bytes("t.csv", table.getvalue().encode())])
    assert [case.question for case in imported_run(result.variants[0]).cases] == ["q1", "q3"]
    assert result.problems == ("t.csv line 3: 2 cells for 3 columns",)


def test_cells_longer_than_pythons_limit_are_read() -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["user_input", "response", "m"], ["q", "x" * 200_000, 1]])
    limit = csv.field_size_limit()
    (variant,) = recognise([read_bytes("t.csv", table.getvalue().encode())]).variants
    assert len(variant.rows[0].answer or "") == 200_000
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    "data",
    [b"", b"   \n", b"hello world", b"{", b"[1, 2", b"{}", b"[]", b"null", b'{"results": {"results": []}}',
     b"a,b\n1,2\n", b"[" * 100_000, b'{"results": {"results": [1]}}', b'{"testCases": 5}',
     b'{"columns": [], "data": []}',
     b'{"eval": {}, "version": 2, "status": "success"}', b"\xff\xfe\x00", b'"text"', b"123"],
)  # fmt: skip
def test_what_is_no_result_gets_one_sentence(data: bytes) -> None:
    with pytest.raises(BadInput) as error:
        recognise([read_bytes("file.json", data)])
    assert "file.json" in str(error.value)
    assert len(str(error.value)) < 700


def _packed(entries: dict[str, bytes], *, sizes: dict[str, int] | None = None) -> bytes:
    """A zip with method 93 throughout, which Python 3.11 can neither write nor read."""
    body, directory = b"", b""
    for name, text in entries.items():
        raw = zstandard.ZstdCompressor().compress(text)
        fields = struct.pack(
            "<HHHHHIIIHH", 63, 0, 93, 0, 33, 0, len(raw), (sizes or {}).get(name, len(text)), len(name), 0
        )
        directory += b"PK\x01\x02" + struct.pack("<H", 63) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += name.encode()
        body += b"PK\x03\x04" + fields + name.encode() + raw
    count = len(entries)
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)


_HEADER = json.dumps({"version": 2, "status": "success", "eval": {"model": "m"}}).encode()
_SAMPLE = {"id": "1", "epoch": 1, "input": "q", "target": "a", "output": {"completion": "a", "choices": []},
           "scores": {"match": {"value": "C"}}}  # fmt: skip


def test_logs_packed_by_zstandard_are_read_and_a_damaged_sample_costs_itself_alone() -> None:
    data = _packed({"header.json": _HEADER, "samples/1_epoch_1.json": json.dumps(_SAMPLE).encode(),
                    "samples/2_epoch_1.json": b"{broken"})  # fmt: skip
    result = recognise([read_bytes("log", data)])
    assert len(result.variants[0].rows) == 1
    assert len(result.problems) == 1
    assert "samples/2_epoch_1.json" in result.problems[0]


def test_a_log_that_unpacks_to_too_much_is_refused_whatever_its_directory_says() -> None:
    bomb = b"0" * (300 * 2**20)
    for sizes in (None, {"samples/1.json": 10}):
        with pytest.raises(BadInput, match="unpack to more"):
            read_bytes("log.eval", _packed({"header.json": _HEADER, "samples/1.json": bomb}, sizes=sizes))


def test_another_zip_is_no_log() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("results.json", "{}")
    with pytest.raises(BadInput, match="no log of Inspect AI"):
        read_bytes("x.zip", buffer.getvalue())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
_ROWS = {
    "promptfoo": {"success", "prompt", "vars", "provider", "response", "gradingResult", "testCase", "failureReason",
                  "score", "cost", "latencyMs", "testIdx", "promptIdx", "namedScores", "error"},
    "lm-eval": {"doc_id", "doc", "resps", "target", "arguments", "filtered_resps", "metrics", "acc", "filter"},
    "Langfuse": {"id", "timestamp", "input", "output", "sessionId", "metadata", "accuracy"},
    "MLflow": {"trace_id", "state", "request", "response", "x/value", "assessments", "tags", "trace_metadata"},
    "Phoenix": {"example_id", "repetition_number", "output", "input", "annotations", "error", "reference_output"},
    "OpenAI": {"datasource_item", "results", "sample", "status", "run_id", "datasource_item_id"},
    "OpenAI ": {"custom_id", "response", "error"},
    "DeepEval": {"input", "actualOutput", "metricsData", "success", "tags", "metadata", "order"},
    "Ragas": {"user_input", "response", "reference", "retrieved_contexts", "faithfulness"},
}  # fmt: skip


@pytest.mark.parametrize("tool", _ROWS)
@given(data=st.data())
def test_fields_that_hold_anything_end_in_rows_or_in_one_sentence(tool: str, data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(sorted(_ROWS[tool]), _VALUES)), min_size=1, max_size=4)
    )
    text = json.dumps({"testCases": rows}) if tool == "DeepEval" else "\n".join(map(json.dumps, rows))
    try:
        variants = recognise([read_bytes("f", text.encode())]).variants
    except BadInput:
        return
    for variant in variants:
        run = imported_run(variant)
        assert run.name
        assert run.key
        for metric in run.metrics:
            assert len(metric) <= 200
            for case in run.cases:
                value = mean_score(metric, case.answers).value
                assert value is None or abs(value) < float("inf")


def test_rows_of_an_older_promptfoo_are_told_apart_by_their_template() -> None:
    def row(question: str, **more: Any) -> dict[str, Any]:
        prompt = {"raw": f"Q: {question}", "display": "Q: {{q}}"}
        return {"provider": {"id": "p"}, "prompt": prompt, "vars": {"q": question}, "success": True, "score": 1, **more}

    old = {"version": 2, "results": {"version": 2, "results": [
        row("one", gradingResult={"pass": True, "score": 1}, response={"output": "1"}),
        row("two", error="timeout", success=False, score=0)]}, "config": {}}  # fmt: skip
    (run,) = [imported_run(variant) for variant in found(old).variants]
    assert [case.question for case in run.cases] == ["one", "two"]
    assert failed(run) == {"two"}


@pytest.mark.parametrize(
    "value",
    [
        {"user_input": ["a", "b"], "response": ["x", "y"], "faithfulness": [1, 0.5]},
        {"user_input": {"0": "a", "1": "b"}, "response": {"0": "x", "1": "y"}, "faithfulness": {"0": 1, "1": 0.5}},
        {"columns": ["inputs", "outputs", "m/v1/score"], "index": [0, 1], "data": [["a", "x", 1], ["b", "y", 0.5]]},
    ],
)
def test_tables_that_are_written_column_by_column(value: dict[str, Any]) -> None:
    (run,) = [imported_run(variant) for variant in found(value).variants]
    assert [(case.question, case.answers[0].answer) for case in run.cases] == [("a", "x"), ("b", "y")]
    assert list(means(run).values()) == [0.75]


def test_spreadsheets_write_a_comma_in_numbers() -> None:
    (variant,) = recognise([read_bytes("t.csv", "user_input;response;m\na;x;0,5\nb;y;1\n".encode("utf-16"))]).variants
    assert means(imported_run(variant)) == {"m": 0.75}


def test_names_of_langfuse_runs_bring_their_model() -> None:
    a, _ = read("langfuse/run_*", "langfuse/dataset_*", "langfuse/api_*")
    assert (a.name, a.variant.model, a.variant.details) == ("model-a terse", "model-a", {"prompt": "terse"})
