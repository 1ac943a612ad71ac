"""Fills a store with a project that looks like a used one: documents, questions, configurations, finished runs."""

from __future__ import annotations

import random
from typing import Any

from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.runs.store import Store
from llmopt_core.types import (
    Answer,
    Chunk,
    Document,
    EvaluationSet,
    Evidence,
    Example,
    Failure,
    Hit,
    Message,
    Record,
    Score,
    Span,
    StageTrace,
    Usage,
    fingerprint,
)

METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1", "hit_rate")
TEXT = (
    "The harbour was built in 1712. Its two lighthouses still stand.\n\n"
    "Every spring the market opens on the quay, and boats from the islands bring wool, cheese and smoked fish. "
    "The market closes when the first snow falls.\n\n"
    "A railway reached the town in 1868; the station clock is famous for being four minutes late."
)
_PROMPT = {"system": "Answer briefly.", "template": "Passage: {{ context }}\nQuestion: {{ question }}\nAnswer:"}
_RETRIEVAL = {
    "chunking": {"method": "recursive", "size": 120, "overlap": 0, "unit": "tokens"},
    "search": {"method": "dense"},
    "top_k": 2,
}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "baseline": {"model": {"max_tokens": 32}, "prompt": {"template": "Question: {{ question }}\nAnswer:"}},
    "rag": {"model": {"max_tokens": 32}, "prompt": _PROMPT, "retrieval": _RETRIEVAL},
    "rag-rerank": {
        "model": {"max_tokens": 32},
        "prompt": _PROMPT,
        "retrieval": {
            **_RETRIEVAL,
            "search": {"method": "hybrid"},
            "rerank": {"method": "late-interaction"},
            "top_k": 1,
        },
    },
}
_LEVEL = {"baseline": 0.25, "rag": 0.6, "rag-rerank": 0.78}


def seed_project(store: Store, name: str = "harbour", questions: int = 24, runs: int = 3) -> str:
    """A project with `runs` finished runs of `questions` records each; returns its name."""
    store.ensure_project(name, "Questions about a small harbour town")
    store.save_documents(name, [Document("harbour.md", TEXT), Document("folder/notes.txt", TEXT.upper())])
    examples = tuple(_example(number) for number in range(questions))
    version = store.save_evaluation_set(name, EvaluationSet("questions", examples))
    specs = list(CONFIGURATIONS.items())
    for number in range(runs):
        label, spec = specs[number % len(specs)]
        label = label if number < len(specs) else f"{label} {number // len(specs) + 1}"
        body = {"name": label, **spec}
        key = fingerprint(body)
        store.save_configuration(name, label, body, key)
        run = store.start_run(
            name,
            body,
            key,
            evaluation_set=version.name,
            set_version=version.version,
            judge=JUDGE,
            metrics=METRICS,
            total=questions,
        )
        store.save_records(run, [(i, _record(example, label, number)) for i, example in enumerate(examples)])
        store.finish_run(run, "finished", seconds=21.5 + number)
    return name


def _example(number: int) -> Example:
    topics = ("When was the harbour built?", "What closes the market?", "Why is the station clock famous?")
    answers = ("1712", "the first snow", "it is four minutes late")
    place = number % 3
    start = TEXT.index(("1712", "the first snow", "four minutes late")[place])
    return Example(
        f"q{number + 1}",
        f"{topics[place]} ({number + 1})",
        answers[place],
        (Span("harbour.md", start, start + 4),),
        ("when", "what", "why")[place],
    )


def _record(example: Example, label: str, number: int) -> Record:
    chance = random.Random(f"{label}{example.id}")
    level = _LEVEL.get(label.split(" ", maxsplit=1)[0], 0.5)
    plain = label.startswith("baseline")
    if label == "rag" and example.id == "q7":
        return Record(
            example, failure=Failure("answer", "timeout", "The endpoint builtin gave no answer in 60 seconds.")
        )
    hits = () if plain else tuple(Hit(_chunk(i), round(0.9 - i / 5, 3)) for i in range(2))
    scores = {metric: _score(metric, chance, level, plain) for metric in METRICS}
    answer = Answer(
        f"It was {example.reference}.",
        hits,
        (0,) if hits else (),
        (Message("user", f"Question: {example.question}\nAnswer:"),),
        Usage(240, 12, 0.0, 1),
        0.4,
    )
    trace = (
        ()
        if plain
        else (
            StageTrace("search", "dense", (example.question,), hits, 8, 0.02),
            StageTrace("select", "top-k", (), hits, 8),
        )
    )
    return Record(example, answer, trace, scores, None, Usage(240, 12, 0.0, 1), 0.4 + number / 10)


def _chunk(number: int) -> Chunk:
    start, end = ((0, 64), (66, 215))[number % 2]
    return Chunk("harbour.md", start, end, TEXT[start:end], "Harbour")


def _score(metric: str, chance: random.Random, level: float, plain: bool) -> Score:
    if (plain and metric.startswith(("context", "hit"))) or (plain and metric == "faithfulness"):
        return Score(metric, None, failure="There are no retrieved chunks to judge.")
    value = min(1.0, max(0.0, chance.gauss(level, 0.25)))
    if metric == "hit_rate":
        value = float(chance.random() < level)
    evidence = (
        Evidence("It was built in 1712.", value > 0.5, "The passage says so.", "The harbour was built in 1712."),
        Evidence(
            "It has <b>three</b> lighthouses.", False, "The passage speaks of two.", "Its two lighthouses still stand."
        ),
    )
    judged = metric in METRICS[:4]
    return Score(
        metric,
        value,
        "1 of 2 statements are supported.",
        evidence if judged else (),
        judge=JUDGE if judged else "",
    )
