"""Settings measured by what they retrieve: values worked out by hand, why references are missed, what is embedded."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.errors import BadInput, Cancellation
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.labs.chunking.result import (
    METRICS,
    TOKENS,
    Miss,
    SweepResult,
    by_recall,
    compare_settings,
    label_counts,
    main_miss,
    pareto,
)
from llmopt_core.labs.chunking.spec import SweepSpec, chunkings_of, sweep_spec
from llmopt_core.labs.chunking.sweep import run_sweep
from llmopt_core.models.base import EmbeddingSpec, Vectors
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.types import Document, EvaluationSet, Example, Span

TOWN = Document(
    "town.txt",
    "The harbour was built in 1712. Two lighthouses stand there.\n\n"
    "Every spring the market opens. It closes when snow falls.\n\n"
    "A railway came in 1868. The station clock is four minutes late.",
)
RIVER = Document("river.txt", "The river freezes in January. Barges carry coal and timber to the mill.")


def ask(question: str, quote: str, document: Document = TOWN, name: str = "") -> Example:
    start = document.text.index(quote)
    return Example(name or question, question, references=(Span(document.name, start, start + len(quote)),))


def asked(*examples: Example) -> EvaluationSet:
    return EvaluationSet("questions", examples)


def no_embedder() -> HashEmbedder:
    raise AssertionError("no embedding model is needed here")


def by_words(examples: EvaluationSet, documents: Sequence[Document] = (TOWN,), **spec: object) -> SweepResult:
    return run_sweep(documents, examples, sweep_spec(search="bm25", **spec), no_embedder, MemoryCache())


def by_meaning(
    examples: EvaluationSet, embedder: HashEmbedder, documents: Sequence[Document] = (TOWN,), **spec: object
) -> SweepResult:
    return run_sweep(documents, examples, sweep_spec(**spec), lambda: embedder, MemoryCache())


class Narrow(HashEmbedder):
    """Reads only the first words of a text, as models with a window do."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.max_tokens = tokens + 2

    def encode(self, texts: Sequence[str]) -> Vectors:
        return super().encode([" ".join(re.findall(r"\w+|[^\w\s]", text)[: self.max_tokens - 2]) for text in texts])


def test_measures_worked_out_by_hand() -> None:
    """Chunks 0-39 and 35-70 of a text of 70; the reference 35-49 begins in the first, the second holds it whole."""
    text = "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm nnnn."
    document = Document("letters.txt", text)
    reference = Span("letters.txt", 35, 49)
    result = by_words(
        asked(Example("q", "aaaa", references=(reference,)), Example("r", "kkkk llll", references=(reference,))),
        [document], methods=["recursive"], sizes=[39], overlaps=[9], top_k=[1, 2], unit="characters",
    )  # fmt: skip
    spans = [(c.start, c.end) for c in chunk_documents([document], result.cuttings[0].chunking)]
    assert spans == [(0, 39), (35, 70)]
    one, two = result.settings
    # The first chunk holds 4 of the 14 characters, the second all of them.
    assert one.values["recall"] == pytest.approx((4 / 14, 1.0))
    assert one.values["precision"] == pytest.approx((4 / 39, 14 / 35))
    assert one.values["iou"] == pytest.approx((4 / (39 + 10), 14 / 35))
    # Both chunks touch the reference; together they cover 0-70, and what both hold counts once in omega.
    assert one.values["omega"] == pytest.approx((14 / 70, 14 / 70))
    assert one.values["hit_rate"] == (1.0, 1.0)
    assert one.misses == ((Miss(0, "outranked", None),), ())
    tokens = tokenizer("cl100k_base").count(text[:39])
    assert one.values[TOKENS][0] == pytest.approx(tokens, abs=1)
    # The word "aaaa" is in one chunk only, so a second place stays empty.
    assert two.values["recall"] == pytest.approx((4 / 14, 1.0))


def test_overlaps_count_again_in_precision_and_once_in_recall() -> None:
    text = "wool wool wool cheese wool wool wool"
    document = Document("w.txt", text)
    result = by_words(
        asked(ask("cheese?", "cheese", document)), [document],
        methods=["recursive"], sizes=[24], overlaps=[12], top_k=[2], unit="characters",
    )  # fmt: skip
    spans = [(c.start, c.end) for c in chunk_documents([document], result.cuttings[0].chunking)]
    holding = [(a, b) for a, b in spans if a <= 15 and b >= 21]
    assert len(holding) == 2
    setting = result.settings[0]
    assert setting.values["recall"] == (1.0,)
    assert setting.values["precision"] == pytest.approx((6 / sum(b - a for a, b in holding),))


def test_mrr_and_ndcg_follow_the_rank() -> None:
    examples = asked(ask("snow railway clock station minutes", "when snow falls"))
    result = by_words(examples, methods=["sentence"], sizes=[12], top_k=[1, 5])
    first, wide = result.settings
    rank = next(r for r, (_, a, b) in enumerate(result.cuttings[0].found[0], 1) if "snow" in TOWN.text[a:b])
    assert rank > 1
    assert first.values["mrr"] == (0.0,)
    assert first.misses[0] == (Miss(0, "outranked", rank),)
    assert wide.values["mrr"] == pytest.approx((1 / rank,))
    assert 0 < (wide.values["ndcg"][0] or 0) < 1
    assert wide.misses == ((),)


def test_a_reference_that_no_chunk_holds_is_cut_in_two() -> None:
    result = by_words(
        asked(ask("Two lighthouses?", "1712. Two lighthouses")), methods=["sentence"], sizes=[12], top_k=[1]
    )
    setting = result.settings[0]
    assert setting.misses[0][0].label == "cut in two"
    assert setting.misses[0][0].rank == 1
    assert 0 < (setting.values["recall"][0] or 0) < 1
    assert label_counts(setting)["cut in two"] == 1


def test_both_halves_handed_over_are_no_miss() -> None:
    result = by_words(
        asked(ask("harbour lighthouses?", "1712. Two lighthouses")), methods=["sentence"], sizes=[12], top_k=[2]
    )
    # The blank between the sentences is in no chunk, so recall is not whole, but nothing that could be had is missing.
    assert result.settings[0].misses == ((),)
    assert result.settings[0].values["recall"][0] == pytest.approx(20 / 21)


def test_what_the_model_does_not_read_is_beyond_the_window() -> None:
    hidden = by_meaning(
        asked(ask("barges coal timber", "four minutes late")), Narrow(12), [TOWN, RIVER],
        methods=["fixed"], sizes=[200], top_k=[1],
    )  # fmt: skip
    assert hidden.settings[0].misses[0] == (Miss(0, "beyond the window", 2),)
    assert hidden.window == 12
    assert hidden.cuttings[0].beyond_window == 2
    assert 0.3 < hidden.cuttings[0].share_cut < 1
    wide = by_meaning(
        asked(ask("barges coal timber", "four minutes late")), HashEmbedder(), [TOWN, RIVER],
        methods=["fixed"], sizes=[200], top_k=[1],
    )  # fmt: skip
    assert wide.settings[0].misses[0] == (Miss(0, "outranked", 2),)
    assert wide.cuttings[0].beyond_window == 0


def test_words_have_no_window() -> None:
    result = by_words(asked(ask("harbour", "1712")), methods=["fixed"], sizes=[1000])
    assert result.window is None
    assert result.cuttings[0].beyond_window == 0


def test_references_that_are_not_there() -> None:
    examples = asked(
        Example("gone", "harbour", references=(Span("lost.txt", 0, 4),)),
        Example("past", "harbour", references=(Span("town.txt", 170, 9999),)),
        ask("harbour", "1712"),
    )
    setting = by_words(examples, methods=["sentence"], sizes=[20]).settings[0]
    assert [main_miss(misses) for misses in setting.misses] == [
        Miss(0, "not in the documents"), Miss(0, "not in the documents"), None,
    ]  # fmt: skip
    assert setting.values["recall"][0] == 0.0
    assert label_counts(setting)["not in the documents"] == 2


def test_of_several_missed_references_the_one_no_ranking_could_mend_names_the_question() -> None:
    assert main_miss([Miss(0, "outranked", 9), Miss(1, "cut in two", 2)]) == Miss(1, "cut in two", 2)
    assert main_miss([]) is None


def test_every_distinct_text_is_embedded_once_over_all_settings() -> None:
    embedder, cache = HashEmbedder(), MemoryCache()
    examples = asked(ask("When was it built?", "1712"), ask("When was it built?", "1868", name="again"))
    spec = sweep_spec(
        methods=["recursive", "fixed", "sentence", "semantic", "small-to-big"],
        sizes=[10, 20, 40, 200], overlaps=[0, 2], top_k=[1, 3],
    )  # fmt: skip
    result = run_sweep([TOWN, RIVER], examples, spec, lambda: embedder, cache)
    assert len(embedder.inputs) == len(set(embedder.inputs))
    plain = [c for c in chunkings_of(spec)[0] if c.method != "semantic"]
    texts = {chunk.text for chunking in plain for chunk in chunk_documents([TOWN, RIVER], chunking)}
    assert texts | {"When was it built?"} <= set(embedder.inputs)
    assert len(result.settings) == 2 * len(result.cuttings) == 2 * len(chunkings_of(spec)[0])
    again = HashEmbedder()
    run_sweep([TOWN, RIVER], examples, spec, lambda: again, cache)
    assert again.inputs == []


def test_small_to_big_searches_the_small_and_hands_over_the_big() -> None:
    embedder = HashEmbedder()
    examples = asked(ask("station clock four minutes late", "A railway came"))
    result = by_meaning(examples, embedder, methods=["small-to-big"], sizes=[24], top_k=[1, 2])
    one = result.settings[0]
    (place,) = result.cuttings[0].found[0][:1]
    handed = TOWN.text[place[1] : place[2]]
    assert handed.startswith("A railway came")
    assert "four minutes late" in handed
    assert one.misses == ((),)
    assert one.values[TOKENS][0] == pytest.approx(tokenizer("cl100k_base").count(handed), abs=1)
    assert result.cuttings[0].chunks > 3
    assert handed not in embedder.inputs
    spans = result.cuttings[0].found[0]
    assert len(set(spans)) == len(spans) == 2


def test_small_to_big_counts_ranks_in_larger_pieces() -> None:
    examples = asked(ask("The harbour was built in 1712, lighthouses", "four minutes late"))
    result = by_meaning(examples, HashEmbedder(), methods=["small-to-big"], sizes=[24], top_k=[1])
    miss = result.settings[0].misses[0][0]
    assert miss.label == "outranked"
    assert miss.rank is not None
    assert 2 <= miss.rank <= 3


def test_questions_without_references_are_counted_as_not_scored() -> None:
    result = by_words(asked(Example("open", "What?"), ask("harbour", "1712")), sizes=[20])
    setting = result.settings[0]
    for name in (*METRICS, TOKENS):
        assert setting.values[name][0] is None
        assert (setting.summaries[name].scored, setting.summaries[name].total) == (1, 2)
    assert setting.misses == ((), ())


def test_a_sweep_needs_references_documents_text_and_a_possible_setting() -> None:
    with pytest.raises(BadInput, match="None of the 1 questions"):
        by_words(asked(Example("open", "What?")))
    with pytest.raises(BadInput, match="no documents"):
        by_words(asked(ask("a", "1712")), [])
    with pytest.raises(BadInput, match="no text"):
        by_words(asked(ask("a", "1712")), [Document("blank.txt", " \n ")])
    with pytest.raises(BadInput, match="recursive 10/20: overlap 20 must be smaller"):
        by_words(asked(ask("a", "1712")), sizes=[10], overlaps=[20])
    with pytest.raises(BadInput, match="not their summary"):
        by_words(asked(ask("a", "1712")), embedding=EmbeddingSpec(of="summary"))


def test_combinations_that_cannot_be_are_named() -> None:
    chunkings, skipped = chunkings_of(SweepSpec(methods=("fixed", "small-to-big"), sizes=(40,), overlaps=(0, 20)))
    assert [(c.method, c.overlap) for c in chunkings] == [("fixed", 0), ("fixed", 20), ("small-to-big", 0)]
    assert [(s.name, s.reason) for s in skipped] == [
        ("small-to-big 40/20", "overlap 20 must be smaller than the chunk size 10")
    ]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"methods": ["magic"]}, "methods: should be 'recursive'"),
        ({"sizes": [], "overlaps": [0]}, "sizes: Tuple should have at least 1 item"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_spec_is_refused_in_one_sentence(values: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        sweep_spec(**values)


@pytest.mark.parametrize("top", [0, 1001])
def test_so_many_chunks_cannot_be_handed_over(top: int) -> None:
    with pytest.raises(BadInput, match="at least 1 and at most 1,000"):
        chunkings_of(SweepSpec(top_k=(top,)))


def test_too_many_settings_are_refused() -> None:
    with pytest.raises(BadInput, match="1,001 settings"):
        chunkings_of(SweepSpec(sizes=tuple(range(100, 1101))))


def test_better_worse_and_the_cheapest_way_to_each_recall() -> None:
    examples = asked(
        *(ask(f"harbour lighthouses {n}", "1712. Two lighthouses stand", name=f"h{n}") for n in range(8)),
        *(ask(f"market {n}", "market opens. It closes", name=f"m{n}") for n in range(8)),
    )
    result = by_words(examples, methods=["sentence"], sizes=[10, 60], top_k=[1])
    assert result.names == ("sentence 10/0", "sentence 60/0")
    assert by_recall(result) == [1, 0]
    small, large = result.settings
    assert (small.summaries["recall"].mean or 0) < 1 == large.summaries["recall"].mean
    assert pareto(result) == [0, 1]
    assert compare_settings(result, 0, 1, "recall").verdict == "better"
    assert compare_settings(result, 1, 0, "recall").verdict == "worse"
    # More tokens are worse.
    assert compare_settings(result, 0, 1, TOKENS).verdict == "worse"


def test_a_sweep_says_how_far_it_is_and_stops_when_asked() -> None:
    messages: list[dict[str, object]] = []
    spec = sweep_spec(sizes=[10, 20])
    examples = asked(ask("harbour", "1712"))
    run_sweep([TOWN], examples, spec, HashEmbedder, MemoryCache(), Reporter(messages.append))
    steps = list(dict.fromkeys(str(step["message"]) for step in messages))
    assert steps == ["cutting", "loading the embedding model", "embedding", "searching"]
    assert messages[-1]["done"] == messages[-1]["total"] == 2
    embedder = HashEmbedder()
    with pytest.raises(Cancellation):
        run_sweep([TOWN], examples, spec, lambda: embedder, MemoryCache(), Reporter(None, lambda: True))
    assert embedder.inputs == []


def test_chinese_by_words_and_characters() -> None:
    text = "港口建于1712年。两座灯塔仍在。\n\n春天集市开张。下雪时集市关闭。\n\n1868年铁路通到镇上。车站的钟慢四分钟。"
    town = Document("镇.txt", text)
    examples = asked(ask("集市什么时候关闭？", "下雪时", town), ask("车站的钟慢多少？", "四分钟", town))
    result = by_words(examples, [town], methods=["sentence", "recursive"], sizes=[20], top_k=[1], unit="characters")
    sentence, _ = result.settings
    assert sentence.values["recall"] == (1.0, 1.0)
    place = result.cuttings[0].found[0][0]
    assert "下雪时集市关闭。" in text[place[1] : place[2]]
