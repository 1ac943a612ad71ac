"""A workspace that an earlier version of the program made opens with all that was paid for in use.

`tests/data/workspaces/before-labs.zip` was written by commit ef7f631, the last one whose labs lay in `experiments/`:
three configurations evaluated with scripted models (no retrieval; dense; hybrid with HyDE, an LLM reranker and fact
checks) and graded by an LLM judge, two versions of a prompt, a look at the whole set and an ablation.
"""

import json
import zipfile
from pathlib import Path

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.experiment import list_configurations, run_experiment
from llmopt_core.experiments.versions.prompts import load_prompt
from llmopt_core.index.analysis import VERSION
from llmopt_core.index.bm25 import Bm25
from llmopt_core.labs.retrieval.ablation import AblationReport
from llmopt_core.labs.retrieval.jobs import ABLATION, Task, latest, report_of
from llmopt_core.labs.retrieval.set_report import SetReport
from tests.engine_lab import Lab

WORKSPACE = Path(__file__).parents[1] / "data" / "workspaces" / "before-labs.zip"
METRICS = ("answer_f1", "hit_rate", "faithfulness")


@pytest.fixture
def old(tmp_path: Path) -> Lab:
    with zipfile.ZipFile(WORKSPACE) as archive:
        archive.extractall(tmp_path)
    return Lab(tmp_path, metrics=METRICS, judge=JudgeSpec(endpoint="grader", model="g"))


def test_every_run_is_there_with_its_records(old: Lab) -> None:
    runs = {run.name: run for run in old.store.runs("p")}
    assert {name: run.fingerprint for name, run in runs.items()} == {
        "baseline": "e0cabb5de46b619a",
        "rag": "1ab34e3c9bfd02aa",
        "hybrid": "43c71160ba342e1a",
    }
    for run in runs.values():
        records = old.store.records(run.id, trace=True)
        assert [record.answer.text for record in records if record.answer] == ["Rhine", "Au", "two", "Jupiter"]
        assert all(record.scores["answer_f1"].value == 1 for record in records)
    assert not old.store.unreadable("p")


def test_configurations_have_the_same_fingerprints_as_their_runs(old: Lab) -> None:
    configurations = list_configurations(old.store, "p")
    runs = {run.name: run.fingerprint for run in old.store.runs("p")}
    assert {item.name: item.fingerprint for item in configurations} == runs


async def test_evaluating_again_calls_no_model_and_builds_no_index(old: Lab) -> None:
    indexes = old.home / "indexes"
    before = {path: path.stat().st_mtime_ns for path in indexes.rglob("manifest.json")}
    assert before
    plan = old.plan(*list_configurations(old.store, "p"))
    async with old.models() as models:
        run_ids = await run_experiment(old.store, plan, models, resume=False)
    assert [old.store.run(run_id).status for run_id in run_ids] == ["finished"] * 3
    assert (len(old.chat.requests), len(old.judge_chat.requests), len(old.embedder.inputs)) == (0, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in indexes.rglob("manifest.json")} == before


async def test_another_search_uses_the_index_and_the_vectors_as_they_are(old: Lab) -> None:
    hybrid = next(item for item in list_configurations(old.store, "p") if item.name == "hybrid")
    assert hybrid.retrieval is not None
    wider = hybrid.model_copy(update={"name": "wider", "retrieval": hybrid.retrieval.model_copy(update={"top_k": 3})})
    before = sorted(path.name for path in (old.home / "indexes").iterdir())
    vectors = {path: path.stat().st_mtime_ns for path in old.home.rglob("vectors.npy")}
    async with old.models() as models:
        await run_experiment(old.store, old.plan(wider), models)
    assert old.embedder.inputs == []
    assert sorted(path.name for path in (old.home / "indexes").iterdir() if path.is_dir()) == before
    assert {path: path.stat().st_mtime_ns for path in old.home.rglob("vectors.npy")} == vectors
    # Its words alone, whose terms have changed since, are counted anew, beside the former ones.
    (index,) = {path.parent for path in (old.home / "indexes").rglob("bm25-*")}
    assert (index / "bm25").is_dir()
    texts = [json.loads(line)[3] for line in (index / "chunks.jsonl").read_text().splitlines()]
    assert Bm25.load(index / f"bm25-{VERSION}").scores("Rhine").tolist() == Bm25.of(texts).scores("Rhine").tolist()


def test_reports_of_earlier_looks_are_shown_again(old: Lab) -> None:
    project = old.store.project("p")
    hybrid = next(item for item in list_configurations(old.store, project) if item.name == "hybrid")
    task = Task(project, hybrid, old.evaluation_set.examples, old.documents, "questions")
    ablation = latest(old.store, project, ABLATION, task.key(answers=False))
    assert ablation is not None
    report = report_of(ablation, AblationReport)
    assert report is not None
    assert report.configuration == "hybrid"
    look = latest(old.store, project, "retrieval-measure", task.key(k=2))
    assert look is not None
    assert report_of(look, SetReport) is not None


def test_versions_of_prompts_are_there(old: Lab) -> None:
    assert [version.number for version in old.store.versions("p", "prompt", "support")] == [1, 2]
    assert load_prompt(old.store, "p", "support@2").system == "Be short."
