"""The built-in judge with its real embedding, on small slices of labelled data (`tests/data/judge`).

The bounds are far below what is measured on the whole sets (`docs/judge.md`): they catch a broken judge, not a change
of taste.
"""

import json
from pathlib import Path

import pytest

from llmopt_core.evaluation.judges.builtin.grounding import Grounding
from llmopt_core.evaluation.judges.builtin.judge import statements
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import build_metrics
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings
from llmopt_core.statistics.agreement import agreement
from tests.core.evaluation.samples import sample

DATA = Path(__file__).parents[2] / "data" / "judge"


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Models:
    return Models(Settings(home=tmp_path_factory.mktemp("home")), endpoints={})


@pytest.fixture(scope="module")
def reader(models: Models) -> TokenReader:
    return TokenReader(models.token_embedder)


def support(reader: TokenReader, context: str, answer: str, question: str = "") -> float:
    result = Grounding(context, reader).supports(statements(answer) or [answer], question)
    return min(part.probability for part in result)


def test_replies_that_people_found_attributable(reader):
    data = rows("begin.jsonl")
    matches = [support(reader, row["knowledge"], row["response"], row["message"]) for row in data]
    result = agreement([row["begin_label"].startswith("Fully") for row in data], matches)
    assert result.auc > 0.85
    assert result.kappa > 0.4


def test_summaries_with_small_edits(reader):
    data = rows("summedits.jsonl")
    matches = [support(reader, row["doc"], row["summary"]) for row in data]
    assert agreement([bool(row["label"]) for row in data], matches).auc > 0.6


def test_sentences_that_answer_a_question(reader):
    labels, found = [], []
    for row in rows("selqa.jsonl"):
        for position, sentence in enumerate(row["candidates"]):
            labels.append(position in row["answers"])
            found.append(Grounding(sentence, reader).relevance(row["question"]).probability)
    assert agreement(labels, found).auc > 0.8


def test_context_order_and_length_do_not_hide_support(reader):
    data = [row for row in rows("begin.jsonl") if row["begin_label"].startswith("Fully")]
    wall = "\n".join(row["knowledge"] for row in data)
    alone = [support(reader, row["knowledge"], row["response"]) >= 0.5 for row in data]
    inside = [support(reader, wall, row["response"]) >= 0.5 for row in data]
    assert sum(inside) >= sum(alone) - 2


async def test_relevancy_ranks_an_answer_to_the_point_above_one_that_is_not(models):
    metric = build_metrics(["answer_relevancy"], JudgeSpec(), models)[0]
    right, _ = await metric.score(sample("The Eiffel Tower was completed in 1889."))
    wrong, _ = await metric.score(sample("Bananas are rich in potassium."))
    assert right.value > 0.6 > 0.3 > wrong.value
