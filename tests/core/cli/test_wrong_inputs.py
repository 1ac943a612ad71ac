"""Wrong inputs of every command, option, field and variable: one clear line, and nobody is asked for anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Command

BASE: dict[str, Any] = {
    "project": "p",
    "documents": ["docs"],
    "evaluation_set": "q.jsonl",
    "judge": {"endpoint": "stub", "model": "m", "temperature": 0, "max_tokens": 100, "questions": 3},
    "metrics": ["exact_match"],
    "endpoints": {
        "stub": {
            "base_url": "http://127.0.0.1:9/v1",
            "prices": {"*": {"prompt": 1, "completion": 1}},
            "mode": "chat",
            "max_concurrency": 4,
            "timeout_seconds": 5,
            "max_retries": 0,
        }
    },
    "configurations": [
        {
            "name": "one",
            "model": {"endpoint": "stub", "name": "m", "mode": "chat", "temperature": 0, "top_p": 0.9, "max_tokens": 10,
                      "seed": 1, "stop": ["x"]},
            "prompt": {"system": "s", "template": "{{ question }}", "extract": "",
                       "steps": [{"name": "s1", "template": "t"}],
                       "few_shot": {"examples": [{"question": "a", "answer": "b"}], "select": "first", "k": 1}},
            "retrieval": {
                "chunking": {"method": "recursive", "size": 100, "overlap": 0, "unit": "tokens", "separators": ["x"]},
                "embedding": {"model": "all-MiniLM-L6-v2", "of": "text"},
                "transform": {"method": "none", "n": 3},
                "search": {"method": "dense", "fusion": "rrf", "weight": 0.5, "rrf_k": 60, "candidates": 30,
                           "filters": {}, "threshold": 0.1, "mmr": 0.5},
                "rerank": {"method": "none", "candidates": 5},
                "routing": {"method": "given", "routes": {"c": {"top_k": 2}}},
                "top_k": 3,
            },
            "checks": {"fact_check": "none"},
        }
    ],
}  # fmt: skip
_GENERIC = re.compile(
    "should not have happened|Traceback|Input should|validation error|NoneType|ValueError|TypeError|KeyError|object "
    "has no|pydantic|type=|<class|Extra inputs|String should|Field required"
)
_MODEL, _RETRIEVAL = "configurations.0.model", "configurations.0.retrieval"
_PROMPT, _STUB = "configurations.0.prompt", "endpoints.stub"
_NO_NUMBER = ("word", [], {"a": 1}, True, float("nan"), -1)
_NO_LIST = ("word", 5, {"a": 1})
_NO_MAPPING = ("word", 5, ["a"])
_NO_TEXT = (5, ["a"], {"a": 1}, None)
FIELDS: list[tuple[str, Any]] = [
    *((place, value) for value in _NO_NUMBER for place in (
        "judge.temperature", "judge.max_tokens", "judge.questions", f"{_STUB}.max_concurrency",
        f"{_STUB}.timeout_seconds", f"{_STUB}.max_retries", f"{_STUB}.prices.*.prompt", f"{_MODEL}.temperature",
        f"{_MODEL}.top_p", f"{_MODEL}.max_tokens", f"{_PROMPT}.few_shot.k", f"{_RETRIEVAL}.chunking.size",
        f"{_RETRIEVAL}.chunking.overlap", f"{_RETRIEVAL}.transform.n", f"{_RETRIEVAL}.search.weight",
        f"{_RETRIEVAL}.search.rrf_k", f"{_RETRIEVAL}.search.candidates", f"{_RETRIEVAL}.search.mmr",
        f"{_RETRIEVAL}.rerank.candidates", f"{_RETRIEVAL}.routing.routes.c.top_k", f"{_RETRIEVAL}.top_k",
    ) if not (place.startswith(_STUB) and value is True)),
    *((place, value) for value in _NO_LIST for place in (
        "documents", "metrics", "configurations", f"{_PROMPT}.steps", f"{_PROMPT}.few_shot.examples",
        f"{_RETRIEVAL}.chunking.separators", f"{_MODEL}.stop",
    )),
    *((place, value) for value in _NO_MAPPING for place in (
        "endpoints", _STUB, f"{_STUB}.prices", "configurations.0", _MODEL, _PROMPT, _RETRIEVAL,
        f"{_RETRIEVAL}.search", f"{_RETRIEVAL}.search.filters", f"{_RETRIEVAL}.routing.routes",
        "configurations.0.checks",
    )),
    *((place, value) for value in _NO_TEXT for place in (
        "project", "evaluation_set", "configurations.0.name", f"{_MODEL}.name", f"{_PROMPT}.template",
        f"{_RETRIEVAL}.embedding.model",
    )),
    *((place, "nonsense") for place in (
        "judge", "metrics.0", f"{_STUB}.base_url", f"{_STUB}.mode", f"{_MODEL}.mode", f"{_PROMPT}.few_shot.select",
        f"{_RETRIEVAL}.chunking.method", f"{_RETRIEVAL}.chunking.unit", f"{_RETRIEVAL}.embedding.of",
        f"{_RETRIEVAL}.transform.method", f"{_RETRIEVAL}.search.method", f"{_RETRIEVAL}.rerank.method",
        f"{_RETRIEVAL}.routing.method", "configurations.0.checks.fact_check", "documents.0", f"{_PROMPT}.extract",
    )),
    ("documents.0", "x" * 300), ("evaluation_set", "x" * 300), ("evaluation_set", "a\0b"), (f"{_MODEL}.seed", 10**30),
    ("configurations.0.name", "x" * 201), ("configurations.0.name", ""), ("configurations", []),
    (f"{_RETRIEVAL}.search.threshold", float("inf")), (f"{_RETRIEVAL}.chunking.overlap", 100),
    ("configurations.0.extends", "nobody"), ("configurations.0.extends", ["one"]), ("surprise", 1),
]  # fmt: skip
RAW = (
    "2024-13-45",
    "2024-02-30",
    "!!python/object:os.system x",
    "1" * 5000,
    "!!int word",
    "!!float word",
    "&a *a",
    "*nobody",
    "<<: 5",
    '"\\ud800"',
)
OPTIONS: list[list[str]] = [
    *(["evaluate", "plain.yaml", "--trust", *option] for option in (
        ["--limit", "0"], ["--limit", "x"], ["--limit", "1.5"], ["--limit", ""], ["--concurrency", "0"],
        ["--concurrency", "2000"], ["--budget", "0"], ["--budget", "-1"], ["--budget", "x"], ["--budget", "nan"],
        ["--min-coverage", "nan"], ["--min-coverage", "2"], ["--min-coverage", "x"], ["--fail-under", ""],
        ["--fail-under", "="], ["--fail-under", "exact_match="], ["--fail-under", "exact_match=1e999"],
        ["--fail-under", "two:exact_match=1"], ["--configuration", ""], ["--baseline", "nobody"], ["--nonsense"],
        ["extra"],
    )),
    *(["chunk", "docs", *option] for option in (
        ["--method", "nope"], ["--size", "0"], ["--size", "x"], ["--size", "-5"], ["--size", "9" * 30],
        ["--overlap", "-1"], ["--overlap", "500"], ["--unit", "words"],
    )),
    ["chunk", "none"], ["chunk", "a\0b"], ["chunk", "x" * 300],
    *(["chunk-sweep", "--documents", "docs", "--questions", "q.jsonl", *option] for option in (
        ["--methods", "nope"], ["--methods", ","], ["--sizes", "x"], ["--sizes", "0"], ["--sizes", "1.5"],
        ["--overlaps", "-1"], ["--top-k", "0"], ["--unit", "x"], ["--search", "x"], ["--endpoint", "nobody"],
        ["--fail-under", "2"], ["--fail-under", "nan"],
    )),
    ["retrieve", "plain.yaml", "--question", "", "--trust"], ["retrieve", "none.yaml", "--question", "x"],
    ["ablate", "good.yaml", "--trust", "--limit", "0"], ["ablate", "good.yaml", "--trust", "--budget-usd", "x"],
    ["compare-prompts", "x" * 300], ["compare-prompts", "empty.yaml"], ["import-promptfoo", "none", "--out", "o"],
    ["export-promptfoo", "list.yaml"], ["evaluate", "empty.yaml"], ["evaluate", "list.yaml"], ["evaluate", "docs"],
    ["finetune", "status", "nope"], ["finetune", "check", "none"], ["finetune", "list", "--provider", "nobody"],
    *(["finetune", "start", "tuning.jsonl", "--name", "m", *option] for option in (
        ["--name", "a b"], ["--validation", "none"], ["--validation-share", "2"], ["--provider", "nobody"],
        ["--kind", "x"], ["--method", "x"], ["--seed", "x"], ["--price", "-1"], ["--price", "nan"], ["--set", "a"],
        ["--set", "epochs=x"], ["--set", "epochs=0"], ["--set", "nope=1"], ["--column", "x"],
    )),
    *(["finetune", "check", "tuning.jsonl", *option] for option in (
        ["--token-limit", "0"], ["--price", "-1"], ["--price", "nan"], ["--evaluation-set", "none"],
    )),
    ["compare", "none", "a", "b", "--metric", "m"], ["report", "docs"], ["nope"], ["doctor", "x"],
    ["app", "--port", "0"],
]  # fmt: skip
RESULTS = (
    "", "[]", "{}", '{"runs": {}}', '{"runs": [1]}', "nan", "[" * 5000,
    '{"runs": [{"configuration": 1, "metrics": [], "records": {}}]}',
    '{"runs": [{"configuration": "a", "metrics": {"m": null}, "records": []}]}',
    '{"runs": [{"configuration": "a", "metrics": {"m": {}}, "records": [{"example_id": "x", "scores": []}]}]}',
    '{"runs": [{"configuration": "a", "metrics": {"m": {}}, "records": [{"example_id": 1, "scores": {"m": 3}}]}]}',
    '{"runs": [{"configuration": "a", "metrics": {"m": {"mean": "x", "ci95": 3}}, "records": []}]}',
    '{"runs": [{"configuration": "a", "metrics": {"m": {}}, "records": null}]}',
)  # fmt: skip
VARIABLES = (
    ("LLMOPT_THREADS", "0"), ("LLMOPT_THREADS", "x"), ("LLMOPT_THREADS", "1.5"), ("LLMOPT_HOME", "/proc/x"),
    ("LLMOPT_DATABASE_URL", "x"), ("LLMOPT_DATABASE_URL", "nope://x"), ("LLMOPT_ENDPOINTS", "none.yaml"),
    ("LLMOPT_ENDPOINTS", "docs"), ("LLMOPT_ENDPOINTS", "list.yaml"), ("LLMOPT_ENDPOINTS", "/dev/null"),
    ("OPENAI_BASE_URL", "nonsense"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The Rhine flows through Cologne.")
    question = {"id": "a", "question": "What?", "reference": "x",
                "references": [{"document": "a.txt", "start": 0, "end": 5}]}  # fmt: skip
    (tmp_path / "q.jsonl").write_text(json.dumps(question))
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(BASE))
    plain = {key: BASE[key] for key in ("evaluation_set", "metrics", "endpoints")}
    model = {"endpoint": "stub", "name": "m"}
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump({**plain, "configurations": [{"name": "one", "model": model}]}))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "list.yaml").write_text("- a\n")
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (tmp_path / "tuning.jsonl").write_text("\n".join(json.dumps({"messages": talk}) for _ in range(12)))


def _is_one_clear_line(done: Any) -> None:
    assert done.code == 2, done
    assert done.complaint
    assert not _GENERIC.search(done.errors), done.errors


def _changed(place: str, value: Any) -> str:
    whole = json.loads(json.dumps(BASE))
    steps = [int(step) if step.isdecimal() else step for step in place.split(".")]
    part = whole
    for step in steps[:-1]:
        part = part[step]
    part[steps[-1]] = value
    return yaml.safe_dump(whole, sort_keys=False)


@pytest.mark.parametrize(("place", "value"), FIELDS, ids=lambda value: str(value)[:40])
def test_a_wrong_field_of_a_file(inside: Command, tmp_path: Path, place: str, value: Any) -> None:
    (tmp_path / "wrong.yaml").write_text(_changed(place, value))
    _is_one_clear_line(inside("retrieve", "wrong.yaml", "--question", "x", "--trust"))


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw[:20])
@pytest.mark.parametrize("place", ["project", f"{_MODEL}.max_tokens"])
def test_a_value_that_yaml_cannot_read(inside: Command, tmp_path: Path, place: str, raw: str) -> None:
    (tmp_path / "wrong.yaml").write_text(_changed(place, "").replace("''", raw))
    _is_one_clear_line(inside("retrieve", "wrong.yaml", "--question", "x", "--trust"))


@pytest.mark.parametrize("arguments", OPTIONS, ids=lambda arguments: " ".join(arguments)[:60].replace("\0", ""))
def test_a_wrong_option(inside: Command, arguments: list[str]) -> None:
    _is_one_clear_line(inside(*arguments))


@pytest.mark.parametrize(("name", "text"), [("t.jsonl", "[]"), ("t.json", "[ ]\n"), ("t.csv", "question,answer\n")])
def test_a_training_file_without_an_example(inside: Command, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    result = inside("finetune", "check", name)
    _is_one_clear_line(result)
    assert "there is no example in it" in result.complaint


@pytest.mark.parametrize("text", RESULTS, ids=lambda text: text[:60])
@pytest.mark.parametrize("command", [["compare", "r.json", "a", "a", "--metric", "m"], ["report", "r.json"]])
def test_a_file_that_is_no_result(inside: Command, tmp_path: Path, command: list[str], text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    _is_one_clear_line(inside(*command))


@pytest.mark.parametrize("command", [["compare", "FILE", "a", "a", "--metric", "m"], ["report", "FILE"],
                                     ["project", "import", "FILE"]], ids=" ".join)  # fmt: skip
def test_a_device_is_no_file_to_read(inside: Command, command: list[str]) -> None:
    result = inside(*("/dev/null" if word == "FILE" else word for word in command))
    _is_one_clear_line(result)
    assert "/dev/null is a folder, pipe or device, not a file on disk" in result.complaint


@pytest.mark.parametrize(("name", "value"), VARIABLES)
def test_a_wrong_variable(inside: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    _is_one_clear_line(inside("retrieve", "good.yaml", "--question", "x", "--trust"))
