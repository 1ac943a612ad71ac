"""Situations with a known cause, to try the adviser on: result files as `evaluate --json` writes them.

Each is made from a cause by chance: its size, its language, how long its answers are, which metrics were scored, which
other failures are mixed in, and whether the file holds more than the documented keys. Nothing of the adviser is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.adviser_records import METRICS, Maker, Values, result_of, run_of


@dataclass(frozen=True)
class Situation:
    """A made result file.

    Attributes:
        cause: What was made to fail.
        expected: Rules of which one must come first; empty where none may fire.
        result: The file.
    """

    name: str
    cause: str
    expected: frozenset[str]
    result: Values


_NOISE = ("hybrid-search", "grounded-prompt", "prompt", "few-shot", "error")
_REDUCED: tuple[tuple[str, ...], ...] = (
    METRICS,
    METRICS,
    METRICS,
    ("faithfulness", "answer_relevancy", "context_precision", "context_recall"),
    ("answer_f1", "context_recall", "faithfulness"),
)
"""Which metrics were scored: mostly all."""


def situations(seed: int = 0, variants: int = 6) -> Iterator[Situation]:
    """`variants` situations of each cause, of varied size, language and noise."""
    for number, (cause, make) in enumerate(_CAUSES.items()):
        for variant in range(variants):
            draw = random.Random(f"{seed}/{number}/{variant}")
            expected, result = make(draw, variant)
            yield Situation(f"{cause} {variant}", cause, frozenset(expected), result)


def _maker(draw: random.Random, *, given: int = 3, all_metrics: bool = False, short: bool = False) -> Maker:
    language = draw.choice(("en", "en", "zh", "de"))
    metrics = METRICS if all_metrics else draw.choice(_REDUCED)
    long = draw.random() < 0.35 and not short
    return Maker(draw.randrange(10**6), language, long=long, metrics=metrics, given=given)


def _records(draw: random.Random, maker: Maker, kind: str, noise: tuple[str, ...] = _NOISE) -> list[Values]:
    """Records of which 30 to 60 % are of the kind and up to an eighth fail of something else."""
    size = draw.choice((20, 30, 48, 80, 150))
    main, others = round(size * draw.uniform(0.3, 0.6)), round(size * draw.uniform(0.0, 0.12))
    kinds = [kind] * main + [draw.choice([one for one in noise if one != kind]) for _ in range(others)]
    kinds += ["right"] * (size - len(kinds))
    draw.shuffle(kinds)
    return [maker.record(one) for one in kinds]


Made = tuple[set[str], Values]


def _plain(
    kind: str, *rules: str, given: int = 3, all_metrics: bool = False, short: bool = False
) -> Callable[[random.Random, int], Made]:
    def make(draw: random.Random, variant: int) -> Made:
        maker = _maker(draw, given=given, all_metrics=all_metrics, short=short)
        run = run_of(draw.choice(("rag", "current", "v2")), _records(draw, maker, kind))
        runs = [run]
        # Half of the files hold the baseline as well, which looks nothing up and is worse.
        if variant % 2:
            closed = Maker(maker.draw.randrange(10**6), maker.language, long=maker.long, metrics=maker.metrics, given=3)
            runs = [run_of("baseline", [closed.record("rag") for _ in run["records"]]), run]
        return set(rules or (kind,)), result_of(*runs, judge=draw.choice(("gpt-judge", "built-in judge v3")))

    return make


def _rag(draw: random.Random, variant: int) -> Made:
    maker = _maker(draw)
    maker.metrics = METRICS if "answer_f1" not in maker.metrics else maker.metrics
    run = run_of(
        draw.choice(("baseline", "few-shot", "prompt v2")), _records(draw, maker, "rag", ("rag-right", "error"))
    )
    # What is right from memory has no chunks either.
    for record in run["records"]:
        record["contexts"] = []
    return {"rag"}, result_of(run)


def _nothing(draw: random.Random, variant: int) -> Made:
    runs = [] if variant % 2 else [run_of("baseline", [])]
    return {"baseline", "prompt"}, result_of(*runs)


def _settings(**retrieval: Any) -> Values:
    return {"name": "x", "model": {"endpoint": "openai", "name": "m"},
            "prompt": {"system": "Answer the question.", "template": "{{ context }} {{ question }}"},
            "retrieval": {"chunking": {"size": 200}, "search": {}, "top_k": 3, **retrieval}}  # fmt: skip


def _tried(draw: random.Random, variant: int) -> Made:
    """All of search was tried and brought nothing: the embedding model is what is left."""
    maker = _maker(draw, all_metrics=True)
    records = _records(draw, maker, "hybrid-search", ("grounded-prompt", "error"))
    changes: dict[str, Values] = {
        "rag": {},
        "rag-hybrid": {"search": {"method": "hybrid"}},
        "rag-hyde": {"transform": {"method": "hyde"}},
        "rag-rerank": {"rerank": {"method": "late-interaction"}},
    }
    runs = []
    for name, change in changes.items():
        more = {"spec": _settings(**change)} if variant % 2 else {}
        same = [record if name == "rag" or draw.random() < 0.95 else {**record} for record in records]
        # A little worse than what leads, on a few questions.
        if name != "rag":
            same = [_worse(record) if record["scores"]["answer_f1"]["value"] and draw.random() < 0.06 else record
                    for record in same]  # fmt: skip
        runs.append(run_of(name, same, **more))
    return {"fine-tune-embeddings"}, result_of(*runs)


def _worse(record: Values) -> Values:
    wrong = {**record["scores"], "answer_f1": {"value": 0.0}}
    return {**record, "scores": wrong, "answer": "Nothing of the kind was ever heard of."}


def _tried_rerank(draw: random.Random, variant: int) -> Made:
    """A reranker was tried for sources at the bottom and dropped: fewer chunks, or words in the search, come next."""
    maker = _maker(draw, given=8, all_metrics=True)
    records = _records(draw, maker, "rerank")
    worse = [_worse(record) if draw.random() < 0.1 else record for record in records]
    specs = (
        [{"spec": _settings()}, {"spec": _settings(rerank={"method": "late-interaction"})}] if variant % 2 else [{}, {}]
    )
    return {"smaller-k", "hybrid-search"}, result_of(
        run_of("rag", records, **specs[0]), run_of("rag-rerank", worse, **specs[1])
    )


def _tried_grounding(draw: random.Random, variant: int) -> Made:
    maker = _maker(draw, all_metrics=True)
    records = _records(draw, maker, "grounded-prompt", ("hybrid-search", "error"))
    spec = _settings()
    spec["prompt"]["system"] = "Answer only from the passages. If they do not say it, say: I don't know."
    run = run_of("rag-grounded", records, **({"spec": spec} if variant % 2 else {}))
    return {"fact-check", "smaller-k"}, result_of(run)


def _tried_examples(draw: random.Random, variant: int) -> Made:
    maker = _maker(draw, all_metrics=True, short=True)
    spec = _settings()
    spec["prompt"]["few_shot"] = {"examples": [{"question": "a", "answer": "b"}]}
    run = run_of(
        "rag-few-shot", _records(draw, maker, "few-shot", ("error",)), **({"spec": spec} if variant % 2 else {})
    )
    return {"fine-tune"}, result_of(run)


def _reranked(draw: random.Random, variant: int) -> Made:
    maker = _maker(draw, given=10, all_metrics=True)
    spec = _settings(rerank={"method": "late-interaction"}, top_k=10)
    run = run_of("rag-rerank", _records(draw, maker, "smaller-k"), **({"spec": spec} if variant % 2 else {}))
    return {"smaller-k"}, result_of(run)


def _healthy(draw: random.Random, variant: int) -> Made:
    """Hardly anything fails, and two configurations differ by chance alone."""
    maker = _maker(draw)
    size = draw.choice((20, 40, 100))
    records = [maker.record("right") for _ in range(size)]
    records[0] = maker.record(draw.choice(("grounded-prompt", "hybrid-search", "prompt")))
    other = [maker.record("right") for _ in range(size)]
    for one, same in zip(other, records, strict=True):
        one |= {key: same[key] for key in ("example_id", "question", "reference", "answer", "contexts")}
    return set(), result_of(run_of("rag", records), run_of("rag-hybrid", other))


_CAUSES: dict[str, Callable[[random.Random, int], Made]] = {
    "lacks knowledge": _rag,
    "nothing yet": _nothing,
    "source cut by a border": _plain("chunk-size"),
    "other vocabulary": _plain("hybrid-search"),
    "source low among the chunks": _plain("rerank", given=8),
    "source at rank 4 to 29": _plain("rerank-unseen", "rerank"),
    "search tried in vain": _tried,
    "rerank tried in vain": _tried_rerank,
    "too many chunks": _reranked,
    "not grounded": _plain("grounded-prompt", all_metrics=True),
    "not grounded, grounding tried": _tried_grounding,
    "off the question": _plain("prompt", all_metrics=True),
    # Few words around a long answer leave its F1 high: nothing would fail.
    "wordy": _plain("few-shot", all_metrics=True, short=True),
    "no JSON": _plain("json", "few-shot"),
    "wordy, examples tried": _tried_examples,
    "figures in tables": _plain("database-tool"),
    "nothing but chance": _healthy,
}


# The last ones are files that say little. Texts are stand-ins, so that scores alone tell, and whole runs are a little
# weak instead of some records very weak.
_WEAK_SPANS: dict[str, dict[str, tuple[float, float]]] = {
    "hybrid-search": {"context_recall": (0.1, 0.5), "context_precision": (0.1, 0.5), "answer_f1": (0.1, 0.45)},
    "rerank": {"context_precision": (0.15, 0.48), "answer_f1": (0.25, 0.6)},
    "grounded-prompt": {"faithfulness": (0.15, 0.5), "answer_f1": (0.2, 0.6)},
    "prompt": {"answer_relevancy": (0.15, 0.48), "answer_f1": (0.2, 0.6)},
    "right": {},
}
_STRONG = {"faithfulness": (0.75, 1.0), "answer_relevancy": (0.7, 0.95), "context_precision": (0.65, 1.0),
           "context_recall": (0.75, 1.0), "answer_f1": (0.6, 0.95)}  # fmt: skip


def _anonymous(kind: str, *rules: str) -> Callable[[random.Random, int], Made]:
    def make(draw: random.Random, variant: int) -> Made:
        size, share = draw.choice((16, 25, 40, 100)), draw.uniform(0.4, 0.95)
        metrics = [name for name in METRICS if name != "answer_f1" or draw.random() < 0.7]
        records = []
        for number in range(1, size + 1):
            spans = (
                _STRONG | _WEAK_SPANS[kind if number <= share * size else draw.choice((*_WEAK_SPANS, *["right"] * 12))]
            )
            scores = {name: {"value": round(draw.uniform(*spans[name]), 3), "explanation": "", "failure": None}
                      for name in metrics}  # fmt: skip
            contexts = [{"document": f"d{k}.md", "start": 0, "end": 40, "text": f"Passage {k} about subject {number}.",
                         "score": 1 / k} for k in range(1, draw.choice((3, 4, 5)) + 1)]  # fmt: skip
            records.append({"example_id": f"e{number}", "question": f"Question number {number}?",
                            "reference": f"Reference {number}", "answer": f"Answer {number}", "contexts": contexts,
                            "scores": scores, "failure": None, "seconds": 0.5})  # fmt: skip
        draw.shuffle(records)
        return set(rules or (kind,)), result_of(run_of("rag", records), judge=draw.choice(("llm", "built-in judge v3")))

    return make


_CAUSES |= {
    "anonymous: recall low": _anonymous("hybrid-search"),
    "anonymous: precision low": _anonymous("rerank", "rerank", "smaller-k"),
    "anonymous: faithfulness low": _anonymous("grounded-prompt", "grounded-prompt", "fact-check"),
    "anonymous: relevancy low": _anonymous("prompt"),
    "anonymous: nothing low": lambda draw, variant: (set(), _anonymous("right")(draw, variant)[1]),
}
