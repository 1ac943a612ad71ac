"""How often the first automatic kind of a failure is its cause, on records that were made to fail of one.

    python benchmarks/failure_kinds.py [--show]

Each question of the sample project, in English and in Chinese, gives one record per cause; the chunks come from its
documents, faithfulness and answer relevancy from the built-in judge, F1 from the texts. Refusals are worded in ways
that were not looked at when the rules were written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.evaluation.judges.judge import JudgeSpec  # noqa: E402
from llmopt_core.evaluation.metrics.registry import build_metrics  # noqa: E402
from llmopt_core.evaluation.metrics.text import token_f1  # noqa: E402
from llmopt_core.evaluation.sample import Sample  # noqa: E402
from llmopt_core.labs.evaluation.failure_kinds import diagnose  # noqa: E402
from llmopt_core.labs.evaluation.record_facts import facts_of  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.statistics.intervals import wilson_interval  # noqa: E402
from llmopt_core.types import Answer, Chunk, Example, Failure, Hit, Record, Score, Span, StageTrace  # noqa: E402

CAUSES = (
    "passed", "error", "not-retrieved", "outranked", "refused", "off-question", "wrong-format", "unsupported",
    "not-used",
)  # fmt: skip
SIZE, CANDIDATES, GIVEN = 400, 12, 3
REFUSALS = {
    "en": (
        "The text doesn't say.", "Sorry, I can't tell from the passage.", "There is no answer in the given documents.",
        "I am unable to determine this.", "Unknown.", "N/A", "The context does not contain this information.",
        "I could not find anything about that.", "It is not specified.", "No relevant information was found.",
    ),
    "zh": (
        "无法从文中得知。", "对不起，我不清楚。", "文中没有相关信息。", "我没有足够的信息来回答。", "未知。",
        "该段落没有说明。", "根据提供的资料无法确定。", "找不到答案。", "原文未提及。", "抱歉，我不知道。",
    ),
}  # fmt: skip
RIGHT = {"en": ("{0}", "{0}.", "It was {0}.", "The answer is {0}."), "zh": ("{0}", "{0}。", "是{0}。", "答案是{0}。")}
INVENTED = {"en": "Edvard Halloran", "zh": "埃德瓦·哈洛兰"}


@dataclass(frozen=True)
class Made:
    """A record with the cause that it was made to fail of."""

    language: str
    cause: str
    record: Record


def examples_of(folder: Path) -> list[Example]:
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Example(row["id"], row["question"], row["reference"], tuple(Span(**one) for one in row["references"]),
                row.get("category"))
        for row in rows
    ]  # fmt: skip


def chunks_of(folder: Path) -> dict[str, list[Chunk]]:
    values = {}
    for path in sorted((folder / "documents").iterdir()):
        text = path.read_text(encoding="utf-8")
        starts = range(0, len(text), SIZE)
        values[path.name] = [
            Chunk(path.name, start, min(start + SIZE, len(text)), text[start : start + SIZE]) for start in starts
        ]
    return values


def made(language: str, folder: Path) -> Iterator[Made]:
    dice = random.Random(3)
    examples, chunks = examples_of(folder), chunks_of(folder)
    every = [chunk for part in chunks.values() for chunk in part]
    for number, example in enumerate(examples):
        source, reference = example.references[0], example.reference or ""
        gold = [c for c in chunks[source.document] if c.start < source.end and source.start < c.end]
        others = [c for c in every if c.document != source.document]
        rest = dice.sample(others, CANDIDATES)
        alike = [one for one in examples if one.category == example.category and one.reference != reference]
        wrong = dice.choice(alike or [one for one in examples if one.reference != reference]).reference or ""
        with_gold = [*gold, *rest[: GIVEN - 1]]
        without = rest[:GIVEN]
        sentence = next(t for t in sentences_of(rest[0].text, language) if reference.casefold() not in t.casefold())

        def record(answer: str | None, given: list[Chunk], candidates: list[Chunk], **more: object) -> Record:
            hits, own = tuple(Hit(c, 0.5) for c in given), example  # noqa: B023
            trace = (
                StageTrace("search", "dense", hits=tuple(Hit(c, 0.5) for c in candidates)),
                StageTrace("select", "top-k", hits=hits),
            )
            ending = str(more.pop("finish_reason", "stop"))
            text = None if answer is None else Answer(answer, hits, finish_reason=ending)
            return Record(own, text, trace, **more)  # type: ignore[arg-type]

        yield Made(language, "passed", record(RIGHT[language][number % 4].format(reference), with_gold, with_gold))
        failure = Failure("answer", "timeout", "The endpoint did not answer.")
        yield Made(language, "error", record(None, [], [], failure=failure))
        yield Made(language, "not-retrieved", record(wrong, without, rest))
        yield Made(language, "outranked", record(wrong, without, [*rest, *gold]))
        refusal = REFUSALS[language][number % len(REFUSALS[language])]
        yield Made(language, "refused", record(refusal, with_gold, with_gold))
        yield Made(language, "off-question", record(sentence, with_gold, with_gold))
        # The source word for word where a few were wanted, JSON that is none, and an answer that was cut off.
        whole = with_another(source, chunks[source.document], None, language, number)
        if number % 3 == 0:
            item = record(whole, with_gold, with_gold)
        elif number % 3 == 1:
            item = record(f"- answer: {reference}", with_gold, with_gold)
            right = json.dumps({"answer": reference}, ensure_ascii=False)
            item = replace(item, example=replace(example, reference=right))
        else:
            cut = whole[: min(whole.find(reference), 40)] or whole[:4]
            item = record(cut, with_gold, with_gold, finish_reason="length")
        yield Made(language, "wrong-format", item)
        invented = with_another(source, chunks[source.document], reference, language, number)
        yield Made(language, "unsupported", record(invented, with_gold, with_gold))
        near = next((c for c in chunks[source.document] if c not in gold), gold[0])
        within = [one.reference or "" for one in examples if one.references[0].document == source.document and
                  one.category == example.category and one.reference != reference]  # fmt: skip
        if within:
            # Said of something else in a chunk that it was given.
            its = next(c for c in chunks[source.document] if within[0] in c.text)
            yield Made(language, "not-used", record(within[0], [*gold, its, near], [*gold, its, near]))


def with_another(source: Span, chunks: list[Chunk], reference: str | None, language: str, number: int) -> str:
    """The sentence of the source, with something in the place of the right answer that stands nowhere."""
    text = "".join(chunk.text for chunk in chunks)
    own = text[source.start : source.end]
    # An initial in a name ends a sentence here.
    around = text[max(0, source.start - 60) : source.end + 60]
    sentence = min((t for t in sentences_of(text, language) if own in t), key=len, default=around)
    if reference is None:
        return sentence
    has_digits = any(character.isdigit() for character in reference)
    return sentence.replace(own, str(3791 + number) if has_digits else INVENTED[language])


def sentences_of(text: str, language: str) -> list[str]:
    marks = "。！？" if language == "zh" else ".!?"
    for mark in marks:
        text = text.replace(mark, f"{mark}\n")
    parts = [part.strip() for part in text.splitlines()]
    # The longest ones: the first and the last are cut.
    return sorted((part for part in parts if part), key=len, reverse=True)


async def graded(items: list[Made]) -> list[Made]:
    """The records with the scores that a run would have."""
    async with Models(Settings.from_environment()) as models:
        metrics = build_metrics(["faithfulness", "answer_relevancy"], JudgeSpec(), models)
        result = []
        for item in items:
            record = item.record
            scores: dict[str, Score] = {}
            if record.answer is not None:
                for metric in metrics:
                    score, _ = await metric.score(Sample(record.example, record.answer, record.answer.hits))
                    scores[metric.name] = score
                scores["answer_f1"] = Score("answer_f1", token_f1(record.answer.text, record.example.reference or ""))
            result.append(replace(item, record=replace(record, scores=scores)))
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print each that is wrong")
    options = parser.parse_args()
    for language, folder in (("en", ROOT / "sample_data"), ("zh", ROOT / "sample_data" / "zh")):
        told: Counter[tuple[str, str]] = Counter()
        among: Counter[str] = Counter()
        for item in asyncio.run(graded(list(made(language, folder)))):
            diagnosis = diagnose(facts_of(item.record))
            kind = "passed" if diagnosis.passed else diagnosis.first or "unknown"
            told[item.cause, kind] += 1
            among[item.cause] += item.cause in (kind, *diagnosis.kinds)
            if options.show and kind != item.cause:
                answer = item.record.answer.text if item.record.answer else ""
                scores = {name: score.value for name, score in item.record.scores.items()}
                print(f"{item.cause} told as {kind}: {answer!r} for {item.record.example.reference!r} {scores}")
        print(f"{language}: {told.total()} records")
        for cause in CAUSES:
            right = told[cause, cause]
            claimed = sum(count for (_, kind), count in told.items() if kind == cause)
            there = sum(count for (own, _), count in told.items() if own == cause)
            low, high = wilson_interval(right, claimed) if claimed else (0.0, 1.0)
            wrong = {kind: count for (own, kind), count in told.items() if own == cause and kind != cause}
            print(
                f"  {cause:14} precision {right} of {claimed} [{low:.0%}, {high:.0%}], first {right} and among all "
                f"{among[cause]} of {there}  {wrong}"
            )


if __name__ == "__main__":
    main()
