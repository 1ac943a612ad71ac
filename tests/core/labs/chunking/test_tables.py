"""What the pictures of a sweep are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.index.embedding_estimate import estimate_embedding
from llmopt_core.labs.chunking.cache import sweep
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.labs.chunking.result import SweepResult
from llmopt_core.labs.chunking.spec import chunkings_of, sweep_spec
from llmopt_core.labs.chunking.sweep import run_sweep
from llmopt_core.labs.chunking.tables import (
    advice,
    configuration_of,
    lines,
    list_retrieved_chunks,
    miss_rows,
)
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span
from tests.stub_endpoint import StubEndpoint

TEXT = "The harbour was built in 1712. Two lighthouses stand there.\n\nThe market opens in spring. It closes in snow."
TOWN = Document("town.txt", TEXT)


def example(name: str, question: str, quote: str) -> Example:
    start = TEXT.index(quote)
    return Example(name, question, references=(Span("town.txt", start, start + len(quote)),))


EASY = tuple(example(f"easy{i}", f"harbour {i}", "harbour was built") for i in range(40))
CUT = example("cut", "lighthouses", "1712. Two lighthouses stand")


def swept(*examples: Example, **spec: object) -> SweepResult:
    result = sweep_spec(**{"search": "bm25", "methods": ["sentence"], **spec})
    return run_sweep([TOWN], EvaluationSet("questions", examples), result, HashEmbedder, MemoryCache())


def test_lines_hold_the_sizes_that_were_possible_in_order() -> None:
    result = swept(*EASY[:3], sizes=[40, 10], overlaps=[0, 20], top_k=[1, 2])
    found = lines(result, "recall", 2)
    assert [(line.method, line.overlap, line.sizes) for line in found] == [
        ("sentence", 0, (10, 40)), ("sentence", 20, (40,)),
    ]  # fmt: skip
    for line in found:
        for size, position, summary in zip(line.sizes, line.positions, line.summaries, strict=True):
            setting = result.settings[position]
            assert (result.cutting(setting).chunking.size, setting.top_k) == (size, 2)
            assert summary == setting.summaries["recall"]


def test_the_cheapest_that_is_hardly_worse_is_advised() -> None:
    """One question of forty-one loses a third: the mean falls by less than a hundredth."""
    result = swept(*EASY, CUT, sizes=[10, 60], top_k=[1])
    told = advice(result)
    assert (result.names[told.best], result.names[told.frugal]) == ("sentence 60/0", "sentence 10/0")


def test_what_a_whole_document_loses_counts_as_one_loss() -> None:
    """Each of 40 questions loses a little or nothing, but all losses lie in one of two documents."""
    other = Document("other.txt", TEXT)
    start = TEXT.index("1712. Two lighthouses stand")
    lost = [Example(f"o{n}", "lighthouses", references=(Span("other.txt", start, start + 27),)) for n in range(2)]
    found = sweep_spec(search="bm25", methods=["sentence"], sizes=[10, 60], top_k=[1])
    result = run_sweep([TOWN, other], EvaluationSet("q", (*EASY, *lost)), found, HashEmbedder, MemoryCache())
    assert result.clusters is not None
    told = advice(result)
    assert result.settings[told.best].summaries["recall"].mean - 0.05 < result.settings[0].summaries["recall"].mean
    assert told.frugal == told.best, "two documents prove no saving"


def test_few_questions_prove_too_little_to_save() -> None:
    """One of two loses a third: nothing says that it is not many in the long run."""
    result = swept(EASY[0], CUT, sizes=[10, 60], top_k=[1])
    told = advice(result)
    assert told.best == told.frugal == 1


def test_questions_missed_and_what_was_handed_over_for_them() -> None:
    questions = EvaluationSet("questions", (EASY[0], CUT))
    result = swept(EASY[0], CUT, sizes=[10], top_k=[1])
    (row,) = miss_rows(result, 0, questions)
    assert (row.example_id, row.question, row.miss.label) == ("cut", "lighthouses", "cut in two")
    assert 0 < row.recall < 1
    (handed,) = list_retrieved_chunks(result, 0, CUT)
    assert (handed.rank, handed.holds_reference) == (1, True)
    assert TEXT[handed.span.start : handed.span.end] == "Two lighthouses stand there."
    with pytest.raises(BadInput, match="not part of this sweep"):
        list_retrieved_chunks(result, 0, Example("other", "?"))


def test_a_setting_becomes_a_configuration_with_what_was_measured() -> None:
    result = swept(EASY[0], sizes=[10], top_k=[1, 40])
    base = Configuration(name="base", prompt=PromptSpec(template="{{ context }} {{ question }}"))
    made = configuration_of(result, result.settings[1], base, "sweep")
    assert (made.name, made.prompt, made.model) == ("sweep", base.prompt, base.model)
    retrieval = made.retrieval
    assert retrieval is not None
    assert retrieval.chunking == result.cuttings[0].chunking
    assert (retrieval.search.method, retrieval.top_k, retrieval.search.candidates) == ("bm25", 40, 160)
    assert retrieval.rerank.method == retrieval.transform.method == "none"


def test_what_a_paid_embedding_model_is_sent_at_most() -> None:
    spec = sweep_spec(methods=["fixed", "small-to-big"], sizes=[40], overlaps=[0, 5])
    chunkings, _ = chunkings_of(spec)
    endpoint = Endpoint(name="paid", base_url="http://127.0.0.1:9/v1", prices={"*": Prices(prompt=2, completion=0)})
    tokens = tokenizer("cl100k_base").count(TEXT)
    result = estimate_embedding(len(TEXT), TEXT, chunkings, endpoint, "small")
    # Once each without overlap; 40 in steps of 35, and children of 10 in steps of 5.
    assert result.tokens == round(tokens * (1 + 40 / 35 + 1 + 2))
    assert result.cost_usd == pytest.approx(result.tokens * 2e-6)
    free = estimate_embedding(0, "", chunkings, Endpoint(name="x", base_url="http://127.0.0.1:9/v1"), "small")
    assert (free.tokens, free.cost_usd) == (0, None)


def test_an_endpoint_embeds_and_what_it_took_is_told(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = []
    with StubEndpoint(reply="unused") as stub:
        endpoint = Endpoint(name="stub", base_url=stub.url, prices={"*": Prices(prompt=1, completion=1)})
        models = Models(Settings(home=tmp_path), endpoints={"stub": endpoint})
        spec = sweep_spec(sizes=[10], top_k=[1], embedding={"model": "small", "endpoint": "stub"})
        questions = EvaluationSet("questions", (EASY[0], CUT))
        _, result = sweep([TOWN], questions, spec, models, Reporter(messages.append))
    assert result.searcher == "small on stub"
    assert result.window == 8191
    assert result.unknown is None
    assert messages[-1]["tokens"] > 0
    assert messages[-1]["cost_usd"] > 0
