"""The adviser on stored runs: it reads traces, which a file may lack."""

from llmopt_core.experiments.measured_run import MeasuredRun
from llmopt_core.experiments.result import result_of
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result
from llmopt_core.labs.evaluation.adviser.from_store import read_situation
from llmopt_core.statistics.intervals import summarize
from llmopt_core.types import Answer, Chunk, EvaluationSet, Example, Hit, Record, Score, Span, StageTrace
from tests.engine_lab import Lab

SIZE = 20


def hit(document: str, start: int) -> Hit:
    return Hit(Chunk(document, start, start + 20, f"Text {start} of {document}"), 1 / (1 + start))


def store_run(lab: Lab, rank: int | None) -> int:
    """A run whose sources stood at this rank among the candidates of its search, in half of the records."""
    examples = tuple(Example(f"q{i}", f"Question {i}?", "Momus", (Span("gold.md", 0, 5),)) for i in range(SIZE))
    stored = lab.store.save_evaluation_set("p", EvaluationSet("places", examples))
    configuration = lab.configuration("rag", retrieval={"top_k": 3, "search": {"candidates": 30}})
    run_id = lab.store.start_run(
        "p", configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set=stored.name,
        set_version=stored.version, judge="builtin", metrics=("answer_f1",), total=SIZE,
    )  # fmt: skip
    others = [hit("other.md", 20 * i) for i in range(29)]
    candidates = others if rank is None else [*others[: rank - 1], hit("gold.md", 0), *others[rank - 1 :]]
    trace = (
        StageTrace("search", "dense", hits=tuple(candidates)),
        StageTrace("select", "top-k", hits=tuple(candidates[:3])),
    )
    records = []
    for place, example in enumerate(examples):
        is_right = place % 2 == 0
        answer = Answer("Momus" if is_right else "Wit", tuple(candidates[:3]))
        scores = {"answer_f1": Score("answer_f1", float(is_right))}
        records.append((place, Record(example, answer, trace, scores)))
    lab.store.save_records(run_id, records)
    lab.store.finish_run(run_id, "finished")
    return run_id


def first_rule(lab: Lab, run_id: int) -> str:
    run = lab.store.run(run_id)
    values = lab.store.scores([run_id])[run_id].values["answer_f1"]
    entry = MeasuredRun("rag", run, {"answer_f1": summarize(values)}, {}, is_baseline=True)
    step = advise(read_situation(lab.store, [entry])).steps[0]
    assert step.run_id == run_id
    assert step.evidence == tuple(f"q{i}" for i in range(1, SIZE, 2))
    return step.rule


def test_traces_tell_a_reranker_from_another_search(lab: Lab) -> None:
    assert first_rule(lab, store_run(lab, rank=9)) == "rerank"
    assert first_rule(lab, store_run(lab, rank=None)) == "hybrid-search"


def test_the_result_file_of_a_run_leads_to_the_same_advice(lab: Lab) -> None:
    for rank in (9, None):
        run_id = store_run(lab, rank)
        from_file = advise(situation_from_result(result_of(lab.store, [run_id])))
        assert from_file.steps[0].rule == first_rule(lab, run_id)
