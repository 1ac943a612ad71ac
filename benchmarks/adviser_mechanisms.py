"""Situations that are played through instead of written down: a corpus is cut, searched, read, and something breaks.

Nothing says what a record looks like that fails of something. Documents are cut into chunks, a question's words are
matched with theirs, the best go to a reader that may be led astray, and answers are graded by the metrics' own
definitions. Each situation breaks one part of that, beside a little of everything else. `expected` is what somebody
would do who knew which part it was; none of it was looked at while the rules were written.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.adviser_records import Values, result_of, run_of
from benchmarks.adviser_situations import Situation
from llmopt_core.evaluation.metrics.text import token_f1

_LATIN = "ba be bi bo da de di do fa fe ga go ka ke ki ko la le li lo ma me mi mo na ne no pa pe po ra re ri ro sa se"
_SYLLABLES = tuple(_LATIN.split())
_HAN = tuple("安柏川德恩方高海嘉康兰明南平青荣山石天温希雅云志中")


@dataclass
class World:
    """A corpus of one project with questions about it.

    Attributes:
        chinese: Whether it is written in Chinese.
        long: Whether right answers are sentences.
        synonyms: Whether questions call things otherwise than the documents.
        table: Whether what is asked for has to be reckoned from rows.
    """

    draw: random.Random
    chinese: bool = False
    long: bool = False
    synonyms: bool = False
    table: bool = False
    size: int = 40
    documents: dict[str, str] = field(default_factory=dict)

    def word(self, count: int = 3) -> str:
        """A name that nobody has heard."""
        if self.chinese:
            return "".join(self.draw.choices(_HAN, k=max(2, count)))
        return "".join(self.draw.choices(_SYLLABLES, k=count)).capitalize()

    def questions(self) -> list[dict[str, str]]:
        """One question for each document; the documents are written beside."""
        results = []
        for number in range(self.size):
            name = f"unit{number:03}.md"
            results.append(self._table(name) if self.table else self._fact(name))
        return results

    def _fact(self, name: str) -> dict[str, str]:
        subject, other, value = self.word(), self.word(2), self.word(2)
        year = self.draw.randint(1700, 1990)
        filler = [self._filler() for _ in range(8)]
        if self.chinese:
            answer = f"{subject}的监理由{value}于{year}年接任，任期五年" if self.long else f"{value}{year}年"
            fact = f"{answer}。" if self.long else f"{subject}的监理是{value}{year}年任命的。"
            asked = f"谁负责{subject}的看管工作？" if self.synonyms else f"{subject}的监理是谁，何时任命？"
            subject_said = f"{other}的事" if self.synonyms else subject
        else:
            answer = (
                f"{value} became warden of {subject} in {year} and held the office for five years"
                if self.long
                else f"{value} in {year}"
            )
            fact = f"{answer}." if self.long else f"The warden of {subject} was named {value} in {year}."
            asked = (
                f"Who looked after {subject}, and since when?"
                if self.synonyms
                else (f"Who was warden of {subject}, and since when?")
            )
            subject_said = f"the place called {other}" if self.synonyms else subject
        if self.synonyms:
            fact = fact.replace(subject, subject_said)
        middle = self.draw.randint(2, 6)
        text = (" " if not self.chinese else "").join([*filler[:middle], fact, *filler[middle:]])
        self.documents[name] = text
        at = text.index(fact)
        return {"question": asked, "reference": answer, "document": name, "start": str(at), "end": str(at + len(fact))}

    def _filler(self) -> str:
        if self.chinese:
            return f"{self.word()}附近有{self.draw.randint(2, 40)}座老屋，{self.word(2)}每年都去修缮。"
        return f"Near {self.word()} stand {self.draw.randint(2, 40)} old houses that {self.word(2)} mends each year."

    def _table(self, name: str) -> dict[str, str]:
        names = [self.word() for _ in range(6)]
        values = [self.draw.randint(100, 9000) for _ in names]
        head = "部门,数量,成本" if self.chinese else "unit,count,cost"
        rows = "\n".join(f"{one},{value},{self.draw.randint(10, 99)}" for one, value in zip(names, values, strict=True))
        text = f"{head}\n{rows}"
        self.documents[name.replace(".md", ".csv")] = text
        asked = (
            f"{names[0]}等所有部门的数量总共是多少？"
            if self.chinese
            else f"What is the total count over all units listed with {names[0]}?"
        )
        return {"question": asked, "reference": str(sum(values)), "document": name.replace(".md", ".csv"), "start": "0",
                "end": str(len(text))}  # fmt: skip


@dataclass
class System:
    """What is asked: how it cuts, searches and reads, and what is broken of it.

    Attributes:
        size: Characters of a chunk; small ones cut facts in two.
        top_k: How many chunks the reader gets.
        candidates: How many the search keeps.
        noise: How much chance there is in the ranks.
        reader: What the reader makes of chunks that hold the fact.
        broken: On which share of questions the reader does so.
        retrieves: Whether anything is looked up.
        keeps_ranks: Whether the file says where the sources stood among the candidates.
    """

    draw: random.Random
    size: int = 400
    top_k: int = 3
    candidates: int = 40
    noise: float = 0.0
    reader: str = "right"
    broken: float = 0.5
    retrieves: bool = True
    keeps_ranks: bool = True
    by_meaning: bool = False

    def run(self, world: World, name: str, **more: object) -> Values:
        """A run over all questions of a world."""
        questions = world.questions()
        chunks = [chunk for document, text in world.documents.items() for chunk in self._cut(document, text)]
        records = [self._record(number, one, chunks, world) for number, one in enumerate(questions, start=1)]
        return run_of(name, records, **more)

    def _cut(self, document: str, text: str) -> Iterator[Values]:
        for start in range(0, len(text), self.size):
            part = text[start : start + self.size]
            yield {"document": document, "start": start, "end": start + len(part), "text": part, "score": 0.5}

    def _record(self, number: int, one: dict[str, str], chunks: list[Values], world: World) -> Values:
        ranked = sorted(chunks, key=lambda chunk: -self._likeness(one["question"], chunk["text"]))[: self.candidates]
        given = ranked[: self.top_k] if self.retrieves else []
        start, end = int(one["start"]), int(one["end"])
        holders = [
            place
            for place, chunk in enumerate(ranked, start=1)
            if chunk["document"] == one["document"] and chunk["start"] < end and start < chunk["end"]
        ]
        whole = any(
            chunk["document"] == one["document"] and chunk["start"] <= start and end <= chunk["end"] for chunk in given
        )
        answer = self._read(one, given, whole, world)
        reference = {"document": one["document"], "start": start, "end": end,
                     "candidate_rank": holders[0] if holders else None}  # fmt: skip
        record: Values = {
            "example_id": f"m{number}", "question": one["question"], "reference": one["reference"], "answer": answer,
            "contexts": given, "failure": None, "seconds": 0.8, "references": [reference],
            "scores": self._scores(one, answer, given, whole, holders),
        }  # fmt: skip
        if self.keeps_ranks and self.retrieves:
            record["candidates"] = len(ranked)
        else:
            reference.pop("candidate_rank")
        return record

    def _likeness(self, question: str, text: str) -> float:
        asked, said = _terms(question), _terms(text)
        rare = sum(1.0 for term in asked if term in said)
        return rare + self.draw.random() * (0.01 + self.noise)

    def _read(self, one: dict[str, str], given: list[Values], whole: bool, world: World) -> str:
        nothing = "我不知道。" if world.chinese else "I do not know."
        guess = f"{world.word(2)}{'' if world.chinese else ' in '}{self.draw.randint(1700, 1990)}"
        if world.table:
            return str(self.draw.randint(100, 30000))
        if not self.retrieves:
            return nothing if self.draw.random() < 0.3 else guess
        if not whole:
            return nothing if self.draw.random() < 0.5 else guess
        if self.draw.random() > self.broken or self.reader == "right":
            return one["reference"]
        return self._astray(one, given, world, guess)

    def _astray(self, one: dict[str, str], given: list[Values], world: World, guess: str) -> str:
        if self.reader == "verbose":
            return (
                f"您好，感谢您的提问。根据资料，我们认为答案应当是{one['reference']}，如还有疑问欢迎随时继续询问我们的客服人员。"
                if world.chinese
                else f"Hello and thank you for asking us. As far as the material shows us, one may well say that the "
                f"answer is {one['reference']}, and please do feel free to come back with any further question."
            )
        if self.reader == "beside":
            # What stands in the right document, and was not asked for.
            text = next(str(chunk["text"]) for chunk in given if chunk["document"] == one["document"])
            first = re.split(r"(?<=[.。])", text)[0]
            return first.strip() if one["reference"] not in first else guess
        if self.reader == "distracted":
            others = [chunk for chunk in given if chunk["document"] != one["document"]]
            return str(self.draw.choice(others)["text"])[: max(30, len(one["reference"]))] if others else guess
        if self.reader == "refusing":
            return "抱歉，我无法回答。" if world.chinese else "Sorry, I cannot answer that."
        return guess

    def _scores(self, one: dict[str, str], answer: str, given: list[Values], whole: bool, holders: list[int]) -> Values:
        scores = {"answer_f1": token_f1(answer, one["reference"])}
        said = " ".join(chunk["text"] for chunk in given)
        if given:
            terms, known = _terms(one["reference"]), _terms(said)
            scores["context_recall"] = len(terms & known) / len(terms) if terms and not whole else float(bool(terms))
            place = next((place for place in holders if place <= len(given)), None)
            scores["context_precision"] = 1 / place if place else 0.0
            claimed = _terms(answer)
            scores["faithfulness"] = len(claimed & known) / len(claimed) if claimed else 0.0
        near = 0.85 if token_f1(answer, one["reference"]) > 0.1 else 0.55
        scores["answer_relevancy"] = 0.2 if self.reader == "beside" and near < 0.6 else near
        return {name: {"value": round(value, 3), "explanation": "", "failure": None} for name, value in scores.items()}


def _terms(text: str) -> set[str]:
    """Words; of Chinese pairs of characters."""
    words = set(re.findall(r"[a-z0-9]{3,}", text.casefold()))
    han = "".join(re.findall(r"[\u4e00-\u9fff]", text))
    return (words | {han[at : at + 2] for at in range(len(han) - 1)}) - {"the", "and", "was", "who", "since", "when"}


Play = Callable[[random.Random], tuple[set[str], Values]]


def _play(expected: set[str], *, world: Values | None = None, name: str = "rag", spec: Values | None = None,
          **system: object) -> Play:  # fmt: skip
    def make(draw: random.Random) -> tuple[set[str], Values]:
        result = System(draw, **system).run(World(draw, **(world or {})), name, **({"spec": spec} if spec else {}))  # type: ignore[arg-type]
        return expected, result_of(result)

    return make


_ZH: Values = {"chinese": True}
_LONG: Values = {"long": True}
_DENSE: Values = {"retrieval": {"top_k": 3, "search": {"method": "dense"}, "chunking": {"size": 400}},
                  "prompt": {"system": "Answer.", "template": "{{ context }} {{ question }}"}}  # fmt: skip
_HYBRID: Values = {**_DENSE, "retrieval": {**_DENSE["retrieval"], "search": {"method": "hybrid"}}}
_MISSED = {"hybrid-search", "query-expansion"}
_LOW = {"rerank", "larger-k", "hybrid-search"}

PLAYS: dict[str, Play] = {
    "no lookup": _play({"rag"}, name="baseline", retrieves=False),
    "no lookup, Chinese": _play({"rag"}, world=_ZH, name="baseline", retrieves=False),
    "no lookup, long answers": _play({"rag"}, world=_LONG, name="prompt-v3", retrieves=False),
    "facts cut in two": _play({"chunk-size"}, size=60, top_k=2),
    "facts cut in two, Chinese": _play({"chunk-size"}, world=_ZH, size=14, top_k=2),
    "facts cut in two, long": _play({"chunk-size"}, world=_LONG, size=70, top_k=2),
    "other vocabulary": _play(_MISSED, world={"synonyms": True}, candidates=12),
    "other vocabulary, Chinese": _play(_MISSED, world={"synonyms": True, **_ZH}, candidates=12),
    "other vocabulary, no ranks": _play(_MISSED, world={"synonyms": True}, keeps_ranks=False),
    "other vocabulary, hybrid there": _play({"query-expansion"}, world={"synonyms": True}, candidates=12, spec=_HYBRID),
    "rank 4 to 30": _play(_LOW, noise=5.0, candidates=30, top_k=3, size=200),
    "rank 4 to 30, Chinese": _play(_LOW, world=_ZH, noise=12.0, candidates=30, top_k=3, size=80),
    "rank 4 to 30, long": _play(_LOW, world=_LONG, noise=6.0, candidates=30, top_k=3, size=200),
    "right behind": _play({"larger-k", "rerank"}, noise=1.6, top_k=1, candidates=30, size=400, world={"size": 60}),
    "distractors": _play(
        {"smaller-k", "rerank", "few-shot", "grounded-prompt"}, reader="distracted", top_k=10, size=700
    ),
    "distractors, Chinese": _play(
        {"smaller-k", "rerank", "few-shot", "grounded-prompt"}, world=_ZH, reader="distracted", top_k=10, size=200
    ),
    "verbose": _play({"few-shot"}, reader="verbose", size=700),
    "verbose, Chinese": _play({"few-shot"}, world=_ZH, reader="verbose", size=300),
    "verbose, most": _play({"few-shot"}, reader="verbose", broken=0.9, size=700),
    "beside the question": _play({"prompt"}, reader="beside", size=700),
    "beside the question, Chinese": _play({"prompt"}, world=_ZH, reader="beside", size=300),
    "makes things up": _play({"grounded-prompt"}, reader="inventing", size=700),
    "makes things up, Chinese": _play({"grounded-prompt"}, world=_ZH, reader="inventing", size=300),
    "makes things up, long": _play({"grounded-prompt"}, world=_LONG, reader="inventing", size=700),
    "declines": _play({"prompt"}, reader="refusing", size=700),
    "declines, Chinese": _play({"prompt"}, world=_ZH, reader="refusing", size=300),
    "sums over rows": _play({"database-tool"}, world={"table": True}, size=700),
    "sums over rows, Chinese": _play({"database-tool"}, world={"table": True, **_ZH}, size=700),
    "two causes, the reader's larger": _play({"grounded-prompt"}, reader="inventing", broken=0.7, noise=1.6, size=400),
    "nothing broken": _play(set(), size=700),
    "nothing broken, Chinese": _play(set(), world=_ZH, size=300),
    "one mistake in forty": _play(set(), reader="inventing", broken=0.03, size=700),
}


def mechanisms(seed: int = 0) -> Iterator[Situation]:
    """One situation of each."""
    for number, (name, play) in enumerate(PLAYS.items()):
        expected, result = play(random.Random(f"{seed}/{number}/mechanism"))
        yield Situation(name, name, frozenset(expected), result)
