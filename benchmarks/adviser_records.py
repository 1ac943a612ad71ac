"""Records of made result files, each of which fails in a known way: see `adviser_situations`."""

from __future__ import annotations

import random
from collections.abc import Callable
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
