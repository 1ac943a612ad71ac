"""A run goes on over a restart of its PostgreSQL server."""

import json
import threading
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.project_file import export_project, import_project
from llmopt_core.experiments.result import result_of
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example
from tests.postgres import PostgresServer, postgres, postgres_url  # noqa: F401
from tests.ui.seed import seed_project

COUNT = 120


def test_a_project_goes_from_sqlite_to_postgresql_and_back(tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    stores = [Store.open(Settings(home=tmp_path / "one")), Store(postgres_url, tmp_path / "two")]
    stores.append(Store.open(Settings(home=tmp_path / "three")))
    seed_project(stores[0], questions=6)
    for source, target in pairwise(stores):
        file = BytesIO()
        export_project(source, "harbour", file)
        import_project(target, file)
    results = [result_of(store, [run.id for run in store.runs("harbour")]) for store in stores]
    first, second, third = (json.dumps(result, default=str, sort_keys=True) for result in results)
    assert first == second == third


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_run_goes_on_over_a_restart(
    tmp_path: Path,
    postgres: PostgresServer,  # noqa: F811
    postgres_url: str,  # noqa: F811
    mode: str,
) -> None:
    store = Store(postgres_url, tmp_path)
    store.ensure_project("p")

    def restart() -> None:
        postgres.stop(mode)
        postgres.start()

    restarting = threading.Thread(target=restart)

    def answer(request: ChatRequest) -> str:
        if len(chat.requests) > COUNT // 4 and restarting.ident is None:
            restarting.start()
        return f"answer to {request.messages[-1].content}"

    chat = ScriptedChat(answer, delay=0.05)
    examples = tuple(Example(f"q{n}", f"Question {n}?", f"answer {n}") for n in range(COUNT))
    configuration = Configuration.model_validate(
        {"name": "plain", "model": {"endpoint": "scripted"}, "prompt": {"template": "{{ question }}"}}
    )
    plan = Plan("p", [configuration], EvaluationSet("set", examples), (), ["answer_f1"], JudgeSpec(), concurrency=3)
    models = Models(Settings(home=tmp_path), cache=store.cache, endpoints={"scripted": Endpoint(name="scripted")})
    models.register("scripted", chat)
    async with models:
        (run_id,) = await run_experiment(store, plan, models)
    restarting.join()
    run = store.run(run_id)
    assert (run.status, run.error, run.done, run.failed, run.usage.calls) == ("finished", "", COUNT, 0, COUNT)
    assert [record.example.id for record in store.records(run_id)] == [example.id for example in examples]
    requests = [request.messages[-1].content for request in chat.requests]
    assert len(requests) == len(set(requests)) == COUNT
