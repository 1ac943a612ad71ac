"""A run knows the version of its documents: it is not resumed over others, and runs over others are marked."""

import threading

import pytest
import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.experiments.experiment import list_resume_problems, resume_run, run_experiment
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.run_documents import RunDocuments, document_marks, documents_note
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.tables_runs import runs as runs_table
from llmopt_core.runs.values import Run
from llmopt_core.types import Document
from tests.engine_lab import Lab, reply

CHANGED = "The Moselle flows through Cologne, says the new text. The Danube flows through Vienna."


async def evaluated(lab: Lab, *, cancelled: bool = False, plain: bool = False) -> Run:
    """One run; a cancelled one has at least one good record."""
    stop = threading.Event()

    def answer(request: ChatRequest) -> str:
        if cancelled and len(lab.chat.requests) >= 2:
            stop.set()
        return reply(request)

    lab.chat = ScriptedChat(answer, cost_usd=0.01, delay=0.3 if cancelled else 0.0)
    changes = {"retrieval": None, "prompt": {"template": "{{ question }}"}} if plain else {}
    plan = lab.plan(lab.configuration(**changes), concurrency=1)
    async with lab.models() as models:
        (run_id,) = await run_experiment(lab.store, plan, models, should_cancel=stop.is_set)
    result = lab.store.run(run_id)
    assert not cancelled or (result.status == "cancelled" and result.done > 0)
    return result


def with_changed(lab: Lab) -> None:
    lab.documents = (Document("rivers.txt", CHANGED), *lab.documents[1:])
    lab.store.save_documents("p", lab.documents)


async def test_a_run_keeps_the_version_of_its_documents(lab: Lab) -> None:
    first = await evaluated(lab)
    assert first.documents_version == documents_version(reversed(lab.documents))
    with_changed(lab)
    second = await evaluated(lab)
    assert second.documents_version not in (None, first.documents_version)
    renamed = [Document(f"new-{d.name}", d.text) for d in lab.documents]
    assert documents_version(renamed) != second.documents_version


async def test_a_run_is_not_resumed_over_changed_documents(lab: Lab) -> None:
    lab.store.save_documents("p", lab.documents)
    stopped = await evaluated(lab, cancelled=True)
    before = lab.store.records(stopped.id)
    with_changed(lab)
    async with lab.models() as models:
        with pytest.raises(BadInput, match=r"Run \d+ of rag was made over other documents .* start a new run"):
            await resume_run(lab.store, stopped.id, models)
    assert lab.store.records(stopped.id) == before
    assert lab.store.run(stopped.id).status == "cancelled"


async def test_a_new_evaluation_over_changed_documents_is_a_new_run(lab: Lab) -> None:
    stopped = await evaluated(lab, cancelled=True)
    assert list_resume_problems(lab.store, lab.plan(lab.configuration())) == []
    with_changed(lab)
    assert list_resume_problems(lab.store, lab.plan(lab.configuration())) == [
        f"rag: run {stopped.id} was stopped over other documents and stays as it is; a new run starts."
    ]
    fresh = await evaluated(lab)
    assert fresh.id != stopped.id
    assert (fresh.status, fresh.done) == ("finished", 4)
    texts = [hit.chunk.text for record in lab.store.records(fresh.id) for hit in record.answer.hits if record.answer]
    assert not any("Rhine" in text for text in texts)


async def test_a_run_over_the_same_documents_is_resumed(lab: Lab) -> None:
    lab.store.save_documents("p", lab.documents)
    stopped = await evaluated(lab, cancelled=True)
    async with lab.models() as models:
        assert await resume_run(lab.store, stopped.id, models) == stopped.id
    assert lab.store.run(stopped.id).done == 4


async def test_what_retrieves_nothing_is_resumed_whatever_became_of_the_documents(lab: Lab) -> None:
    stopped = await evaluated(lab, cancelled=True, plain=True)
    with_changed(lab)
    async with lab.models() as models:
        assert await resume_run(lab.store, stopped.id, models) == stopped.id


async def test_an_older_run_whose_documents_are_not_known_is_not_resumed(lab: Lab) -> None:
    lab.store.save_documents("p", lab.documents)
    stopped = await evaluated(lab, cancelled=True)
    with lab.store.database.write() as connection:
        connection.execute(sa.update(runs_table).values(documents_version=None))
    async with lab.models() as models:
        with pytest.raises(BadInput, match="before runs kept the version of their documents"):
            await resume_run(lab.store, stopped.id, models)
    fresh = await evaluated(lab)
    assert fresh.id != stopped.id


async def test_a_run_without_a_good_record_is_resumed_over_what_is_there_now(lab: Lab) -> None:
    lab.store.save_documents("p", lab.documents)
    stopped = await evaluated(lab, cancelled=True)
    with lab.store.database.write() as connection:
        connection.execute(sa.text("DELETE FROM records"))
    with_changed(lab)
    async with lab.models() as models:
        await resume_run(lab.store, stopped.id, models)
    result = lab.store.run(stopped.id)
    assert (result.done, result.documents_version) == (4, documents_version(lab.documents))


def test_runs_over_different_documents_are_marked() -> None:
    plain, old, new = (RunDocuments("plain", False, "cccccccc"), RunDocuments("old", True, "aaaaaaaa"),
                       RunDocuments("new", True, "bbbbbbbb"))  # fmt: skip
    unknown = RunDocuments("older", True, None)
    assert document_marks([plain, old, new]) == ["", "documents aaaaaa", "documents bbbbbb"]
    assert document_marks([plain, old, old]) == ["", "", ""]
    assert document_marks([old, unknown]) == ["documents aaaaaa", "documents not recorded"]
    assert documents_note([plain, new]) == ""
    assert documents_note([unknown, unknown]) == ""
    assert documents_note([plain, old, new]).startswith(
        "These runs were made over different documents (old: documents aaaaaa; new: documents bbbbbb)"
    )
    assert "may have been" in documents_note([old, unknown])
