"""The sample experiment with the built-in models, nothing scripted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def llmopt(home: Path, *arguments: str) -> Any:
    environ = {**os.environ, "LLMOPT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "llmopt_core.cli", *arguments, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=290)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_sample_runs_as_it_is_and_a_second_time_for_nothing(tmp_path: Path) -> None:
    sample = ROOT / "sample_data"
    arguments = ("evaluate", str(sample / "experiment.yaml"), "--limit", "3", "--quiet")
    first = llmopt(tmp_path, *arguments)
    assert [run["configuration"] for run in first["runs"]] == ["baseline", "rag", "rag-rerank"]
    assert [run["status"] for run in first["runs"]] == ["finished"] * 3
    assert [run["model_calls"] for run in first["runs"]] == [3, 3, 3]
    _, rag, reranked = first["runs"]
    for name in ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1", "hit_rate"):
        assert rag["metrics"][name]["scored"] > 0, name
    assert [len(record["contexts"]) for record in rag["records"]] == [3, 3, 3]
    assert [len(record["contexts"]) for record in reranked["records"]] == [1, 1, 1]
    for record in rag["records"]:
        for context in record["contexts"]:
            text = (sample / "documents" / context["document"]).read_text(encoding="utf-8")
            assert text[context["start"] : context["end"]] == context["text"]

    second = llmopt(tmp_path, *arguments)
    assert [run["model_calls"] for run in second["runs"]] == [0, 0, 0]
    answers = [[[r["answer"] for r in run["records"]] for run in result["runs"]] for result in (first, second)]
    assert answers[0] == answers[1]

    found = llmopt(
        tmp_path, "retrieve", str(sample / "experiment.yaml"), "--configuration", "rag-rerank",
        "--question", "Who lost to the Broncos in the divisional round?",
    )  # fmt: skip
    assert found["hits"][0]["document"] == "super_bowl_50.md"
    assert {"search", "fusion", "rerank", "select"} <= {stage["stage"] for stage in found["trace"]}
