"""The command line end to end: how long it takes to start, to call, to do nothing again, and what the sample scores.

    python benchmarks/evaluation.py [--parts help,calls,again,table,sample] [--limit 48]

- help    `llmopt --help`, the median of some starts
- calls   a whole `llmopt evaluate` process of 500 calls at concurrency 25 against a stub endpoint of 200 ms; ideal is
          calls / concurrency * latency
- again   the same command a second time with 50 questions and retrieval: model calls, and seconds of work
- table   scores, leaderboard and verdicts of 30 stored runs of 200 records: at first sight and on a rerun
- sample  sample_data/experiment.yaml with the built-in models: wall time, tokens per second, quality
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.runner import stub  # noqa: E402

SAMPLE = ROOT / "sample_data" / "experiment.yaml"
CALLS, CONCURRENCY, LATENCY = 500, 25, 0.2


def llmopt(home: Path, *arguments: object) -> tuple[str, float]:
    environ = {**os.environ, "LLMOPT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "llmopt_core.cli", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout, time.perf_counter() - start


def stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as answer:
        return json.load(answer)


def stub_experiment(folder: Path, url: str, questions: int) -> Path:
    lines = [json.dumps({"id": f"q{i}", "question": f"Question {i}?", "reference": "no"}) for i in range(questions)]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    values = {
        "evaluation_set": "questions.jsonl",
        "metrics": ["exact_match", "answer_f1"],
        "endpoints": {"stub": {"base_url": url}},
        "configurations": [{"name": "stub", "model": {"endpoint": "stub", "name": "stub-large"}}],
    }
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(values))
    return path


def help_time(folder: Path) -> None:
    seconds = statistics.median(llmopt(folder, "--help")[1] for _ in range(7))
    print(f"help     {seconds:.2f} s (target 0.5)")


def calls_time(folder: Path) -> None:
    ideal = CALLS / CONCURRENCY * LATENCY
    with stub(LATENCY) as url:
        path = stub_experiment(folder, url, CALLS)
        _, seconds = llmopt(folder, "evaluate", path, "--concurrency", CONCURRENCY, "-q", "--json", folder / "out.json")
        seen = stats(url)
    run = json.loads((folder / "out.json").read_text())["runs"][0]
    assert run["model_calls"] == CALLS
    print(
        f"calls    ideal {ideal:.2f} s; first to last call at the endpoint {seen['span']:.2f} s "
        f"= {seen['span'] / ideal:.3f} x"
    )
    print(f"         whole process {seconds:.2f} s = ideal + {seconds - ideal:.2f} s (target: ideal + 3)")


def again_time(folder: Path) -> None:
    arguments = ("evaluate", SAMPLE, "--limit", 50, "-q", "--json")
    llmopt(folder, *arguments)
    out, seconds = llmopt(folder, *arguments)
    runs = json.loads(out)["runs"]
    calls, records = sum(run["model_calls"] for run in runs), sum(len(run["records"]) for run in runs)
    work = max(run["seconds"] for run in runs)
    print(f"again    {records} records, {calls} model calls; {work:.2f} s of work for the slowest run (target 2.0),")
    print(f"         {seconds:.2f} s for the whole process with {len(runs)} runs")


def table_time(folder: Path) -> None:
    from llmopt_core.experiments.leaderboard import leaderboard
    from llmopt_core.experiments.run_scores import read_run_scores
    from llmopt_core.runs.store import Store

    store = Store(f"sqlite:///{folder / 'table.db'}", folder)
    metrics = ["faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1"]
    fill(store, metrics, runs=30, records=200)
    for label in ("first sight", "rerun"):
        start = time.perf_counter()
        runs = store.runs("p")
        read = read_run_scores(store, runs)
        middle = time.perf_counter()
        rows = leaderboard(read, metrics)
        ended = time.perf_counter()
        print(
            f"table    {label}: {middle - start:.3f} s to read {len(rows)} runs of 200 records, "
            f"{ended - middle:.3f} s for {len(metrics)} metrics with intervals and verdicts"
        )


def fill(store: Any, metrics: list[str], runs: int, records: int) -> None:
    from llmopt_core.types import Answer, Example, Record, Score

    chance = random.Random(0)
    store.create_project("p")
    for number in range(runs):
        run_id = store.start_run(
            "p",
            {"name": f"configuration {number}"},
            "f",
            evaluation_set="q",
            set_version="v",
            judge="",
            metrics=metrics,
            total=records,
        )
        store.save_records(
            run_id,
            [
                (
                    i,
                    Record(
                        Example(f"q{i}", "?"),
                        Answer("answer"),
                        scores={name: Score(name, chance.random()) for name in metrics},
                    ),
                )
                for i in range(records)
            ],
        )
        store.finish_run(run_id, "finished", seconds=1.0)


def sample_quality(folder: Path, limit: int) -> None:
    out, seconds = llmopt(folder, "evaluate", SAMPLE, "--limit", limit, "-q", "--json")
    runs = json.loads(out)["runs"]
    print(f"sample   {len(runs)} configurations x {len(runs[0]['records'])} questions in {seconds:.0f} s")
    for run in runs:
        tokens = run["tokens"]["prompt"] + run["tokens"]["completion"]
        speed = f"{tokens / run['seconds']:.0f} tokens/s, {run['model_calls'] / run['seconds']:.2f} calls/s"
        print(f"         {run['configuration']}: {run['seconds']:.0f} s, {speed}")
        for name, metric in run["metrics"].items():
            if metric["mean"] is not None:
                low, high = metric["ci95"]
                print(f"           {name:<18} {metric['mean']:.3f} [{low:.3f}, {high:.3f}]  {metric['scored']} scored")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="help,calls,table,sample,again")
    parser.add_argument("--limit", type=int, default=48)
    chosen = parser.parse_args()
    parts = {
        "help": help_time,
        "calls": calls_time,
        "table": table_time,
        "sample": lambda folder: sample_quality(folder, chosen.limit),
        "again": again_time,
    }
    with tempfile.TemporaryDirectory() as home:
        for part in chosen.parts.split(","):
            parts[part](Path(home))


if __name__ == "__main__":
    main()
