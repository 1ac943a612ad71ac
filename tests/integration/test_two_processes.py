"""Two processes that evaluate the same at the same moment pay once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stub_endpoint import StubEndpoint

QUESTIONS = 12

CONFIG = """
project: shared
documents: [notes.txt]
evaluation_set: questions.jsonl
judge: builtin
metrics: [answer_f1]
endpoints:
  stub: {{base_url: "{url}", api_key_env: STUB_API_KEY, prices: {{"*": {{prompt: 1.0, completion: 1.0}}}}}}
configurations:
  - name: plain
    model: {{endpoint: stub, name: stub-large, temperature: 0, max_tokens: 16}}
    prompt: {{template: "{{{{ question }}}} {{{{ context }}}}"}}
    retrieval:
      embedding: {{endpoint: stub, model: stub-embedding}}
      chunking: {{method: fixed, size: 60, overlap: 0, unit: characters}}
      top_k: 1
"""


@pytest.fixture
def experiment(tmp_path: Path):
    with StubEndpoint("an answer", delay=0.3) as stub:
        (tmp_path / "notes.txt").write_text("\n\n".join(f"Fact number {i} is {i * 7}." for i in range(40)))
        lines = [json.dumps({"id": f"q{i}", "question": f"What is fact {i}?"}) for i in range(QUESTIONS)]
        (tmp_path / "questions.jsonl").write_text("\n".join(lines))
        (tmp_path / "experiment.yaml").write_text(CONFIG.format(url=stub.url))
        yield stub, tmp_path


def evaluate(folder: Path, number: int) -> "subprocess.Popen[str]":
    out = str(folder / f"{number}.json")
    command = ["evaluate", str(folder / "experiment.yaml"), "--concurrency", "3", "--trust", "--json", out]
    env = {**os.environ, "LLMOPT_HOME": str(folder / "home"), "STUB_API_KEY": "k"}
    return subprocess.Popen(
        [sys.executable, "-m", "llmopt_core.cli", *command], env=env, text=True, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_the_same_evaluation_in_two_processes_pays_once(experiment: tuple[StubEndpoint, Path]) -> None:
    stub, folder = experiment
    running = [evaluate(folder, number) for number in range(2)]
    ended = [process.communicate(timeout=180) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    chats = [r["body"]["messages"][-1]["content"] for r in stub.requests if r["path"].endswith("chat/completions")]
    assert len(chats) == len(set(chats)) == QUESTIONS
    texts = [t for r in stub.requests if r["path"].endswith("embeddings") for t in _listed(r["body"]["input"])]
    assert len(texts) == len(set(texts))
    results = [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]
    whole = [[record["answer"] for record in result["runs"][0]["records"]] for result in results]
    assert whole[0] == whole[1] == ["an answer"] * QUESTIONS
    assert sum(result["runs"][0]["model_calls"] for result in results) == stub.answered


def test_what_a_killed_process_claimed_is_made_by_the_next(experiment: tuple[StubEndpoint, Path]) -> None:
    stub, folder = experiment
    stub.delay = 60
    first = evaluate(folder, 0)
    try:
        while not any(r["path"].endswith(("completions", "embeddings")) for r in stub.requests):
            assert first.poll() is None, first.communicate()
    finally:
        first.kill()
        first.communicate()
    stub.delay = 0
    second = evaluate(folder, 1)
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, (out, err)
    assert len(json.loads((folder / "1.json").read_text())["runs"][0]["records"]) == QUESTIONS


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
