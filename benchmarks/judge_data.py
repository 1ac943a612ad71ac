"""The labelled data of the judge benchmark, read from a folder that is not part of the repository.

Found by file name anywhere below the folder, each optional:

- `begin*.jsonl` (google/BEGIN-dataset): replies with the knowledge they should rest on, labelled by people;
- `summedits*.jsonl` (salesforce/factualNLG): summaries with small edits, labelled by people;
- `selqa*.jsonl` (emorynlp/selqa): questions with candidate sentences, marked by people;
- `families.jsonl` (tests/data/judge): statements that were written for this, the half that may be fitted on;
- `xquad*.en.json`, `xquad*.zh.json` (deepmind/xquad): questions with answer spans marked by people. Wrong answers are
  made from them: the answer to another question of the same paragraph, of the same article, of another article; and
  sentences with the answer replaced, negated, or with a number changed.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmopt_core.evaluation.judges.builtin.grounding import is_short
from llmopt_core.text.sentences import sentences


@dataclass(frozen=True)
class Case:
    """One labelled item.

    Attributes:
        kind: `statement`, `short answer` or `relevance`: which model judges it; `chunk`: all together say whether the
            context is useful for the answer.
        text: The answer to judge; empty for relevance.
        group: Cases of one group stay together in cross-validation.
        variant: How a wrong answer was made; empty for real labels.
    """

    data: str
    kind: str
    question: str
    text: str
    context: str
    label: bool
    group: str
    variant: str = ""


def load(folder: Path, limit: int, seed: int = 7) -> list[Case]:
    """All cases below a folder, at most `limit` questions of each XQuAD language."""
    cases: list[Case] = []
    for path in sorted(folder.rglob("*.json*")):
        for prefix, read in READERS.items():
            if path.name.startswith(prefix):
                cases += read(path, limit, random.Random(seed))
    return cases


def _begin(path: Path, limit: int, dice: random.Random) -> Iterator[Case]:
    for row in _lines(path):
        label = row["begin_label"].startswith("Fully")
        known = row["knowledge"]
        yield Case("BEGIN", "statement", row["message"], row["response"], known, label, known)


def _summedits(path: Path, limit: int, dice: random.Random) -> Iterator[Case]:
    for row in _lines(path):
        yield Case("SummEdits", "statement", "", row["summary"], row["doc"], bool(row["label"]), row["doc"])


def _selqa(path: Path, limit: int, dice: random.Random) -> Iterator[Case]:
    for row in _lines(path):
        for position, sentence in enumerate(row["candidates"]):
            label = position in row["answers"]
            yield Case("SelQA", "relevance", row["question"], "", sentence, label, row["article"] + row["section"])


@dataclass(frozen=True)
class _Asked:
    title: str
    context: str
    question: str
    answer: str


def _xquad(path: Path, limit: int, dice: random.Random) -> Iterator[Case]:
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    asked = [
        _Asked(article["title"], paragraph["context"], qa["question"], qa["answers"][0]["text"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    name = "XQuAD zh" if ".zh." in path.name else "XQuAD en"
    for item in dice.sample(asked, min(limit, len(asked))):
        yield from _short_answers(name, item, asked, dice)
        yield from _sentences(name, item, asked, dice)
        yield from _chunks(name, item, asked, dice)


def _chunks(name: str, item: _Asked, asked: list[_Asked], dice: random.Random) -> Iterator[Case]:
    """The paragraph that holds the answer, and three others of the same article."""
    yield Case(name, "chunk", item.question, item.answer, item.context, True, item.title)
    others = sorted({x.context for x in asked if x.title == item.title and x.context != item.context})
    for context in dice.sample(others, min(3, len(others))):
        yield Case(name, "chunk", item.question, item.answer, context, False, item.title, "same article")


def _short_answers(name: str, item: _Asked, asked: list[_Asked], dice: random.Random) -> Iterator[Case]:
    if not is_short(item.answer):
        return
    yield Case(name, "short answer", item.question, item.answer, item.context, True, item.title)
    wrong_ones = [x for x in asked if is_short(x.answer) and x.answer != item.answer]
    same = [x for x in wrong_ones if x.context == item.context]
    article = [x for x in wrong_ones if x.title == item.title and x.context != item.context]
    other = [x for x in wrong_ones if x.title != item.title]
    for variant, pool in (("same paragraph", same), ("same article", article), ("other article", other)):
        if pool:
            wrong = dice.choice(pool).answer
            yield Case(name, "short answer", item.question, wrong, item.context, False, item.title, variant)


def _sentences(name: str, item: _Asked, asked: list[_Asked], dice: random.Random) -> Iterator[Case]:
    source = next((s for s in sentences(item.context) if item.answer in s and not is_short(s)), None)
    if source is None:
        return

    def case(text: str, label: bool, variant: str = "") -> Case:
        return Case(name, "statement", item.question, text, item.context, label, item.title, variant)

    yield case(source, True)
    foreign = dice.choice([x for x in asked if x.title != item.title])
    yield case(source.replace(item.answer, foreign.answer), False, "answer replaced")
    yield case(dice.choice(sentences(foreign.context)), False, "other sentence")
    if not name.endswith("en"):
        return
    words = source.split()
    yield case(" ".join(w for w in words if dice.random() > 0.2 or w in item.answer.split()), True, "words left out")
    negated = re.sub(r"\b(is|was|are|were|has|had|can|will)\b", r"\1 not", source, count=1)
    if negated != source:
        yield case(negated, False, "negated")
    changed = re.sub(r"\d+", lambda m: str(int(m.group()) + dice.randint(1, 9)), source, count=1)
    if changed != source:
        yield case(changed, False, "number changed")


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _families(path: Path, limit: int, dice: random.Random) -> Iterator[Case]:
    for row in _lines(path):
        for case in row["cases"] if not row["held_out"] else ():
            name = f"families {row['language']}"
            group = row["document"].removesuffix("-zh")
            text, family = case["text"], case["family"]
            yield Case(name, "statement", row["question"], text, row["text"], case["label"], group, family)


READERS = {"begin": _begin, "summedits": _summedits, "selqa": _selqa, "xquad": _xquad, "families": _families}
