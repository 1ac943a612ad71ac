"""Fills a store with a project of which one thing fails: half of its sources stand at rank 9 and are not given."""

from __future__ import annotations

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, Chunk, Document, EvaluationSet, Example, Hit, Record, Score, Span, StageTrace

OUTRANKED = 20
"""How many questions were asked."""


def seed_outranked(store: Store, name: str = "town") -> str:
    """A project with one finished run; returns its name."""
    store.create_project(name)
    store.save_documents(name, [Document("gold.md", "Momus was the first. " * 9)])
    examples = tuple(Example(f"q{i}", f"Question {i}?", "Momus", (Span("gold.md", 0, 5),)) for i in range(OUTRANKED))
    version = store.save_evaluation_set(name, EvaluationSet("places", examples))
    configuration = Configuration.model_validate({"name": "rag", "retrieval": {"top_k": 3}})
    body = configuration.model_dump(mode="json")
    store.save_configuration(name, "rag", body, configuration.fingerprint)
    run = store.start_run(name, body, configuration.fingerprint, evaluation_set=version.name,
                          set_version=version.version,
                          judge="builtin", metrics=("answer_f1",), total=OUTRANKED)  # fmt: skip
    store.save_records(run, list(enumerate(map(_record, examples))))
    store.finish_run(run, "finished")
    return name


def _record(example: Example) -> Record:
    others = [_hit("other.md", 20 * place) for place in range(29)]
    candidates = (*others[:8], _hit("gold.md", 0), *others[8:])
    trace = (StageTrace("search", "dense", hits=candidates), StageTrace("select", "top-k", hits=candidates[:3]))
    is_right = int(example.id[1:]) % 2 == 1
    answer = Answer("Momus" if is_right else "Wit", candidates[:3])
    return Record(example, answer, trace, {"answer_f1": Score("answer_f1", float(is_right))})


def _hit(document: str, start: int) -> Hit:
    return Hit(Chunk(document, start, start + 20, f"Text {start} of {document}"), 1 / (1 + start))
