"""A stored value that cannot be read costs that value: never its page, its run, or its project."""

import dataclasses
import json
import math

import pytest
import sqlalchemy as sa

from llmopt_core.errors import StorageError
from llmopt_core.runs.codec import Unreadable, pack, unpack
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import configurations, documents, evaluation_sets
from llmopt_core.runs.tables_labs import drafts, versions
from llmopt_core.runs.tables_runs import jobs, records, runs
from llmopt_core.types import Answer, Chunk, Document, EvaluationSet, Example, Hit, Record, Score, Usage

DAMAGE = (b"{", b"x\x00\x01", b"", b"\xff\xfe", b"[" * 100_000, b"7", b'{"name": 5}')


def damage(store: Store, table: sa.Table, column: str, value: object, **where: object) -> None:
    with store.database.write() as connection:
        statement = sa.update(table).where(*(table.c[name] == target for name, target in where.items()))
        assert connection.execute(statement.values({column: value})).rowcount >= 1


def start(store: Store, questions: EvaluationSet) -> int:
    store.ensure_project("p")
    return store.start_run(
        "p", {"name": "rag"}, "f" * 16, evaluation_set="questions", set_version=questions.version, judge="j",
        metrics=["answer_f1"], total=4,
    )  # fmt: skip


def record(example: Example) -> Record:
    return Record(example, Answer("said", usage=Usage(3, 2, 0.5, 1)), scores={"answer_f1": Score("answer_f1", 0.5)})


@pytest.mark.parametrize("bad", DAMAGE)
def test_a_document_that_cannot_be_read_leaves_the_others(store: Store, bad: bytes) -> None:
    project = store.create_project("p")
    store.save_documents("p", [Document("a.txt", "good"), Document("b.txt", "lost"), Document("c.txt", "good too")])
    damage(store, documents, "body", bad, name="b.txt")
    result = store.documents("p")
    assert [(item.name, item.text) for item in result] == [("a.txt", "good"), ("b.txt", ""), ("c.txt", "good too")]
    assert "could not be read" in result[1].warnings[0]
    assert store.document("p", "b.txt") == result[1]
    assert len(store.unreadable(project)) == 1
    assert store.unreadable(project)[0].startswith("Document b.txt could not be read (")
    store.save_documents("p", [Document("b.txt", "here again")])
    assert store.document("p", "b.txt").text == "here again"
    assert store.unreadable(project) == ()


def test_questions_that_cannot_be_read_leave_the_others(store: Store, questions: EvaluationSet) -> None:
    store.create_project("p")
    store.save_evaluation_set("p", questions)
    stored = json.loads(unpack_bytes(pack(questions, EvaluationSet)))
    stored["examples"][1]["question"] = None
    stored["examples"][2]["references"] = [{"document": "a", "start": "x", "end": 2}]
    damage(store, evaluation_sets, "body", pack(stored), name="questions")
    result = store.evaluation_set("p", "questions")
    assert [example.id for example in result.examples] == ["q0", "q2", "q3"]
    assert result.examples[1].references == ()
    assert [sentence.split(" could")[0] for sentence in store.unreadable("p")] == [
        "Question 2 of the evaluation set questions", "Where the answer stands to question 3 of questions"
    ]  # fmt: skip
    damage(store, evaluation_sets, "body", b"{", name="questions")
    with pytest.raises(StorageError, match=r"^The evaluation set questions could not be read \(damaged JSON\)"):
        store.evaluation_set("p", "questions")
    assert [item.name for item in store.evaluation_sets("p")] == ["questions"]


def unpack_bytes(data: bytes) -> bytes:
    import zlib

    return zlib.decompress(data) if data[:1] == b"x" else data


@pytest.mark.parametrize("bad", DAMAGE)
def test_a_record_that_cannot_be_read_is_counted_and_the_run_is_there(
    store: Store, questions: EvaluationSet, bad: bytes
) -> None:
    run_id = start(store, questions)
    store.save_records(run_id, list(enumerate(map(record, questions.examples))))
    damage(store, records, "body", bad, run_id=run_id, example_id="q1")
    damage(store, records, "trace", bad, run_id=run_id, example_id="q2")
    found = store.records(run_id, trace=True)
    assert [item.example.id for item in found] == ["q0", "q1", "q2", "q3"]
    assert [item.failure is not None for item in found] == [False, True, False, False]
    assert found[1].failure.kind == "unreadable"
    assert found[1].failure.message.startswith(f"The record of q1 in run {run_id} could not be read (")
    assert store.record(run_id, "q1") == found[1]
    assert store.scores([run_id])[run_id].values == {"answer_f1": [0.5] * 4}
    assert store.run(run_id).usage.prompt_tokens == 12 - 12
    assert len(store.unreadable("p")) == 1


@pytest.mark.parametrize("bad", DAMAGE)
def test_what_a_run_or_job_says_of_itself_may_be_damaged(store: Store, questions: EvaluationSet, bad: bytes) -> None:
    run_id = start(store, questions)
    for column in ("configuration", "options", "metrics", "training", "paid"):
        damage(store, runs, column, bad, id=run_id)
    damage(store, runs, "status", "paused by a newer version", id=run_id)
    run = store.runs("p")[0]
    assert (run.name, run.status) == ("rag", "interrupted")
    assert run.metrics == ()
    job_id = store.start_job("evaluation", "p", {"set": "questions"})
    for column in ("arguments", "progress", "result"):
        damage(store, jobs, column, bad, id=job_id)
    damage(store, jobs, "status", "unheard of", id=job_id)
    assert store.jobs("p")[0].status == "interrupted"
    assert store.delete_runs([run_id]) is None


@pytest.mark.parametrize("bad", [b"{", b"x\x00\x01", b""])
def test_configurations_versions_and_drafts_leave_out_what_is_damaged(store: Store, bad: bytes) -> None:
    store.create_project("p")
    for name in ("one", "two"):
        store.save_configuration("p", name, {"name": name}, name)
        store.save_version("p", "prompt", name, {"system": name})
        store.save_draft("p", "prompt", name, {"system": name})
    damage(store, configurations, "body", bad, name="one")
    damage(store, versions, "body", bad, name="one")
    damage(store, drafts, "body", bad, name="one")
    assert [item.name for item in store.configurations("p")] == ["two"]
    assert [item.name for item in store.versions("p", "prompt")] == ["two"]
    assert store.draft("p", "prompt", "one") is None
    assert store.draft("p", "prompt", "two") == {"system": "two"}
    assert sorted(sentence.split(" could")[0] for sentence in store.unreadable("p")) == [
        "Configuration one", "Prompt one v1", "The draft of prompt one"
    ]  # fmt: skip


def test_times_names_and_sums_beyond_all_bounds_do_not_cost_the_list(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_records(run_id, list(enumerate(map(record, questions.examples))))
    for value in (1e300, "yesterday", math.inf):
        damage(store, runs, "created_at", sa.literal(value, sa.Text() if isinstance(value, str) else sa.Double()))
        assert store.run(run_id).created_at.year == 1970
    damage(store, records, "prompt_tokens", 2**62)
    damage(store, records, "completion_tokens", sa.literal(2.5, sa.Double()))
    damage(store, records, "example_id", sa.literal(b"\xff\xfe", sa.LargeBinary()), position=0)
    assert store.run(run_id).usage.prompt_tokens == 2**31 - 1
    assert store.run(run_id).usage.completion_tokens == 10
    assert store.scores([run_id])[run_id].examples[0] == "\ufffd\ufffd"


def test_numbers_that_are_none_are_stored_as_missing_and_come_back(store: Store, questions: EvaluationSet) -> None:
    nan, huge = float("nan"), 10**30
    hit = Hit(Chunk("a.txt", 0, 1, "x"), nan)
    usage = Usage(huge, -5, nan, 1)
    odd = Record(
        Example("q\ud83d", "why\ud83d", variables={"n": nan}),
        Answer("a\udc00", (hit,), usage=usage, seconds=math.inf),
        scores={"answer_f1": Score("answer_f1", nan)},
        usage=usage,
        seconds=nan,
    )
    run_id = start(store, questions)
    store.save_record(run_id, odd, 0)
    back = store.records(run_id)[0]
    assert back.failure is None
    assert back.answer.text == "a\ufffd"
    assert back.example.id == "q\ufffd"
    assert store.record(run_id, "q\ud83d").example.id == "q\ufffd"
    assert store.scores([run_id])[run_id].values == {"answer_f1": [None]}
    run = store.run(run_id)
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (2**31 - 1, 0)


def test_one_field_of_a_wrong_type_costs_that_field() -> None:
    stored = {"example": {"id": "a", "question": "q"}, "seconds": None,
              "answer": {"text": "said", "usage": {"prompt_tokens": 3, "completion_tokens": 2.5}}}  # fmt: skip
    result = unpack(json.dumps(stored).encode(), Record, mend=True)
    assert result == Record(Example("a", "q"), Answer("said", usage=Usage(3)))
    metadata = b'{"name": "a", "text": "b", "metadata": {"n": null, "year": 1712}}'
    assert unpack(metadata, Document, mend=True) == Document("a", "b", {"year": 1712})
    with pytest.raises(Unreadable, match=r"^example: Field required$"):
        unpack(b'{"seconds": null}', Record, mend=True)
    with pytest.raises(Unreadable, match=r"^seconds: Input should be a valid number$"):
        unpack(b'{"example": {"id": "a", "question": "q"}, "seconds": null}', Record)


def test_what_was_deleted_is_not_told_of_any_more(store: Store) -> None:
    store.create_project("p")
    store.save_documents("p", [Document("a.txt", "lost")])
    damage(store, documents, "body", b"{", name="a.txt")
    store.documents("p")
    assert store.unreadable("p") != ()
    store.delete_document("p", "a.txt")
    assert store.unreadable("p") == ()


def test_a_value_of_a_newer_version_keeps_what_is_known_of_it() -> None:
    row = dataclasses.asdict(Document("a", "text")) | {"added_later": [1, 2]}
    assert unpack(json.dumps(row).encode(), Document).text == "text"
