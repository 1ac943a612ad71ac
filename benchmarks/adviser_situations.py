"""Situations with a known cause, to try the adviser on: result files as `evaluate --json` writes them.

Each is made from a cause by chance: its size, its language, how long its answers are, which metrics were scored, which
other failures are mixed in, and whether the file holds more than the documented keys. Nothing of the adviser is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

Values = dict[str, Any]
METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1")

_TOWNS = ("Arden", "Belmont", "Corvale", "Dunmore", "Eskdale", "Farrow", "Glenby", "Halden", "Ivester", "Jarrow")
_THINGS = ("library", "harbour", "tramway", "observatory", "market hall", "theatre", "power station", "bridge")
_MONTHS = ("January", "March", "April", "June", "August", "October", "November")
_PEOPLE = ("Ada Lindqvist", "Tomas Okafor", "Mira Castellan", "Henrik Vogel", "Leila Haddad", "Jonas Petrauskas")


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


@dataclass(frozen=True)
class _Fact:
    question: str
    answer: str
    passage: str
    before: str
    after: str


def _english(draw: random.Random, long: bool) -> _Fact:
    town, thing, who = draw.choice(_TOWNS), draw.choice(_THINGS), draw.choice(_PEOPLE)
    day = f"{draw.randint(1, 28)} {draw.choice(_MONTHS)} {draw.randint(1820, 1995)}"
    before = f"{town} lies on the northern coast and had {draw.randint(2, 90)} thousand inhabitants at the time."
    after = "The costs were carried by the county, and the building is still in use."
    if long:
        answer = f"The {thing} of {town} was opened on {day} by {who} after a long dispute over its costs."
        return _Fact(f"How did the {thing} of {town} come about?", answer, answer, before, after)
    sentence = f"The {thing} of {town} was opened by {who} on {day}."
    if draw.random() < 0.5:
        return _Fact(f"When was the {thing} of {town} opened?", day, sentence, before, after)
    return _Fact(f"Who opened the {thing} of {town}?", who, sentence, before, after)


def _chinese(draw: random.Random, long: bool) -> _Fact:
    town = draw.choice(("阿尔登", "贝尔蒙", "科维尔", "邓莫尔", "埃斯代尔"))
    thing = draw.choice(("图书馆", "港口", "天文台", "剧院", "大桥"))
    day = f"{draw.randint(1820, 1995)}年{draw.randint(1, 12)}月{draw.randint(1, 28)}日"
    sentence = f"{town}的{thing}于{day}正式启用。"
    answer = f"{town}的{thing}经过多年的争论之后于{day}正式启用" if long else day
    return _Fact(f"{town}的{thing}是什么时候启用的？", answer, answer + "。" if long else sentence,
                 f"{town}位于北部海岸。", "费用由县政府承担。")  # fmt: skip


def _german(draw: random.Random, long: bool) -> _Fact:
    town = draw.choice(("Ahrenfeld", "Birkenau", "Dornstadt", "Eschbach", "Falkenried"))
    thing = draw.choice(("Bibliothek", "Sternwarte", "Markthalle", "Brücke"))
    day = f"{draw.randint(1, 28)}. Oktober {draw.randint(1820, 1995)}"
    answer = f"Die {thing} von {town} wurde nach langem Streit am {day} eröffnet" if long else day
    sentence = f"{answer}." if long else f"Die {thing} von {town} wurde am {day} eröffnet."
    return _Fact(f"Wann wurde die {thing} von {town} eröffnet?", answer, sentence,
                 f"{town} liegt im Norden des Landes.", "Die Kosten trug der Kreis.")  # fmt: skip


LANGUAGES: dict[str, Callable[[random.Random, bool], _Fact]] = {"en": _english, "zh": _chinese, "de": _german}
_WRONG = {"en": "It was the work of the county council in a later year.", "zh": "这是后来由省里完成的另一件事。",
          "de": "Das geschah erst in einem anderen Jahr durch den Kreis."}  # fmt: skip
_OFF = {
    "en": "The town lies on the northern coast and has a long and interesting history of trade.",
    "zh": "这座城市位于北部海岸，有着悠久的贸易历史。",
    "de": "Die Stadt liegt an der Küste im Norden und hat eine lange Geschichte des Handels.",
}
_REFUSAL = {"en": "I don't know.", "zh": "不知道。", "de": "Das weiß ich nicht."}


Spans = dict[str, tuple[float, float]]
_RIGHT: Spans = {"faithfulness": (0.8, 1.0), "answer_relevancy": (0.72, 0.97), "context_precision": (0.7, 1.0),
                 "context_recall": (0.85, 1.0), "answer_f1": (0.75, 1.0)}  # fmt: skip
_UNFOUND: Spans = {"context_recall": (0.0, 0.2), "context_precision": (0.0, 0.2)}
_SPANS: dict[str, Spans] = {
    "hybrid-search": _UNFOUND | {"faithfulness": (0.3, 1.0)},
    "chunk-size": {"context_recall": (0.2, 0.6)},
    "rerank": {"context_precision": (0.1, 0.3), "faithfulness": (0.4, 0.9)},
    "rerank-unseen": _UNFOUND,
    "smaller-k": {"context_precision": (0.5, 0.8), "faithfulness": (0.55, 1.0)},
    "grounded-prompt": {"faithfulness": (0.0, 0.45)},
    "prompt": {"answer_relevancy": (0.1, 0.42)},
    "database-tool": {"faithfulness": (0.2, 0.9), "context_recall": (0.3, 1.0)},
}
"""What each kind of failure does to the scores; the F1 is always that of the texts."""


class Maker:
    """Makes the records of one file.

    Args:
        seed: Of all that is drawn.
        language: Of questions, answers and documents.
        long: Whether references are sentences instead of a few words.
        metrics: Which were scored.
        given: How many chunks the model is given.
    """

    def __init__(self, seed: int, language: str, *, long: bool, metrics: tuple[str, ...], given: int) -> None:
        self.draw = random.Random(seed)
        self.language, self.long, self.metrics, self.given = language, long, metrics, given
        self.count = 0

    def _chunk(self, document: str, text: str, start: int = 0) -> Values:
        return {"document": document, "start": start, "end": start + len(text), "text": text,
                "score": round(self.draw.random(), 3)}  # fmt: skip

    def _other(self) -> Values:
        fact = LANGUAGES[self.language](self.draw, False)
        return self._chunk(
            f"other{self.draw.randint(1, 99)}.md", f"{fact.before} {fact.after}", self.draw.randint(0, 900)
        )

    def _contexts(self, fact: _Fact, rank: int | None, count: int) -> list[Values]:
        chunks = [self._other() for _ in range(count)]
        if rank is not None:
            text = f"{fact.before} {fact.passage} {fact.after}"
            chunks[min(rank, count) - 1] = self._chunk(f"doc{self.count}.md", text, 100)
        return chunks

    def _score(self, low: float, high: float) -> Values:
        return {"value": round(self.draw.uniform(low, high), 3), "explanation": "", "failure": None}

    def record(self, kind: str) -> Values:
        """A record of a kind: `right`, or a cause."""
        self.count += 1
        fact = LANGUAGES[self.language](self.draw, self.long)
        if kind == "error":
            return self._error(fact)
        if kind == "database-tool":
            return self._table(_RIGHT | _SPANS[kind])
        rank = self._rank(kind)
        contexts = [] if kind == "rag" else self._contexts(fact, rank, self.given)
        if kind == "chunk-size":
            contexts = self._cut(fact, contexts)
        return self._made(fact, self._answer(kind, fact), contexts, _RIGHT | _SPANS.get(kind, {}), self._extra(kind))

    def _rank(self, kind: str) -> int | None:
        if kind in ("rag", "hybrid-search", "rerank-unseen"):
            return None
        return self.draw.randint(4, max(4, self.given)) if kind == "rerank" else 1 if self.draw.random() < 0.7 else 2

    def _answer(self, kind: str, fact: _Fact) -> str:
        if kind in ("right", "json", "rag-right"):
            return fact.passage if self.long and self.draw.random() < 0.3 else fact.answer
        if kind == "few-shot":
            return self._wordy(fact)
        if kind == "prompt":
            return _OFF[self.language]
        return self._any(_WRONG, _REFUSAL) if kind in ("rag", "hybrid-search") else _WRONG[self.language]

    def _extra(self, kind: str) -> Values:
        if kind == "json":
            return {"assertion": "is-json"}
        if kind != "rerank-unseen":
            return {}
        source = {"document": f"doc{self.count}.md", "start": 130, "end": 150}
        return {"references": [{**source, "candidate_rank": self.draw.randint(4, 29)}], "candidates": 30}

    def _any(self, *texts: dict[str, str]) -> str:
        return self.draw.choice(texts)[self.language]

    def _wordy(self, fact: _Fact) -> str:
        talk = {"en": "Certainly! Thank you for this question. According to the documents that I was given, the answer "
                      f"that you look for is {fact.answer}, and I hope that this is of help to you today.",
                "zh": f"您好！感谢您的提问，根据所给的文件内容，答案应该是{fact.answer}，希望这个回答对您有帮助。",
                "de": "Gerne! Vielen Dank für Ihre Frage. Nach den Unterlagen, die mir vorliegen, lautet die "
                      f"gesuchte Antwort {fact.answer}, und ich hoffe, dass Ihnen das hilft."}  # fmt: skip
        return talk[self.language]

    def _cut(self, fact: _Fact, contexts: list[Values]) -> list[Values]:
        at = fact.passage.find(fact.answer) + max(1, round(len(fact.answer) * self.draw.uniform(0.4, 0.7)))
        # A border between words, as chunkers cut, where the language has them.
        space = fact.passage.rfind(" ", 0, at)
        start = fact.passage.find(fact.answer)
        at = space if space > start + 1 else at
        left, right = f"{fact.before} {fact.passage[:at]}".rstrip(), f"{fact.passage[at:]} {fact.after}".lstrip()
        contexts[0] = self._chunk(f"doc{self.count}.md", left if self.draw.random() < 0.6 else right, 100)
        return contexts

    def _table(self, spans: Spans) -> Values:
        town, year = self.draw.choice(_TOWNS), self.draw.randint(2011, 2023)
        rows = "\n".join(f"| {name} | {year} | {self.draw.randint(100, 9000)} | {self.draw.randint(10, 99)} |"
                         for name in self.draw.sample(_TOWNS, 6))  # fmt: skip
        text = f"| Branch | Year | Sales | Staff |\n|---|---|---|---|\n{rows}"
        question = self.draw.choice((f"What were the total sales of all branches in {year}?",
                                     f"Which branch had the highest sales in {year}, and how many?",
                                     f"What was the average number of staff per branch in {year}?"))  # fmt: skip
        fact = _Fact(question, str(self.draw.randint(1000, 60000)), "", "", "")
        contexts = [self._chunk("sales.md", text, 40), *(self._other() for _ in range(self.given - 1))]
        return self._made(fact, f"{town} sold {self.draw.randint(100, 900)} in that year.", contexts, spans, {})

    def _error(self, fact: _Fact) -> Values:
        failure = {"stage": "answer", "kind": "timeout", "message": "The endpoint did not answer in 60 s."}
        scores = {name: {"value": None, "explanation": "", "failure": "There is no answer."} for name in self.metrics}
        return {"example_id": f"q{self.count}", "question": fact.question, "reference": fact.answer, "answer": None,
                "contexts": [], "scores": scores, "failure": failure, "seconds": 60.0}  # fmt: skip

    def _made(self, fact: _Fact, answer: str, contexts: list[Values], spans: Spans, extra: Values) -> Values:
        scores = {name: self._score(*spans[name]) for name in self.metrics}
        if not contexts:
            none = {"value": None, "explanation": "", "failure": "The configuration retrieves nothing."}
            scores |= {name: none for name in scores if name.startswith("context_") or name == "faithfulness"}
        if "answer_f1" in scores:
            scores["answer_f1"] = {"value": round(_f1(answer, fact.answer), 3), "explanation": "", "failure": None}
        name = extra.pop("assertion", "")
        if name:
            scores |= {name: {"value": 0.0}, "checks": {"value": 0.0}}
        return {"example_id": f"q{self.count}", "question": fact.question, "reference": fact.answer, "answer": answer,
                "contexts": contexts, "scores": scores, "failure": None, "seconds": 1.2, **extra}  # fmt: skip


def _f1(answer: str, reference: str) -> float:
    from llmopt_core.evaluation.metrics.text import token_f1

    return token_f1(answer, reference)


def run_of(name: str, records: list[Values], **more: Any) -> Values:
    """A run of these records with its means."""
    metrics: Values = {}
    for metric in dict.fromkeys(name for record in records for name in record["scores"]):
        values = [record["scores"].get(metric, {}).get("value") for record in records]
        scored = [value for value in values if value is not None]
        centre = mean(scored) if scored else None
        ends = [None, None] if centre is None else [max(0.0, centre - 0.1), min(1.0, centre + 0.1)]
        metrics[metric] = {"mean": centre, "ci95": ends, "scored": len(scored), "total": len(records)}
    return {"configuration": name, "fingerprint": f"f-{name}", "status": "finished", "metrics": metrics,
            "tokens": {"prompt": 900 * len(records), "completion": 20 * len(records)}, "cost_usd": 0.002 * len(records),
            "model_calls": len(records), "cached_calls": 0, "seconds": 1.2 * len(records), "records": records,
            **more}  # fmt: skip


def result_of(*runs: Values, judge: str = "gpt-judge") -> Values:
    """A file of these runs."""
    size = max((len(run["records"]) for run in runs), default=0)
    return {"project": "made", "evaluation_set": {"name": "made", "version": "v", "size": size}, "judge": judge,
            "runs": list(runs)}  # fmt: skip


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
