"""What a sweep found: values per question, misses, and what was handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.labs.chunking.spec import SkippedSetting, SweepSpec, setting_name
from llmopt_core.reporting.verdict_words import unit_note
from llmopt_core.statistics.clusters import count_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison, compare_pairs

METRICS = ("recall", "precision", "iou", "omega", "hit_rate", "mrr", "ndcg")
# Not among the metrics: it is a price, and less is better.
TOKENS = "context_tokens"
TITLES = {
    "recall": "Recall",
    "precision": "Precision",
    "iou": "IoU",
    "omega": "Omega",
    "hit_rate": "Hit rate",
    "mrr": "MRR",
    "ndcg": "nDCG",
    TOKENS: "Context tokens",
}
EXPLANATIONS = {
    "recall": "Characters of the sources that are handed over, of all their characters.",
    "precision": "Characters of the sources among all characters handed over; overlaps between chunks count again.",
    "iou": "Characters of the sources handed over, of all characters handed over and those missed.",
    "omega": "Precision of a perfect search with these chunks: what the cutting alone costs.",
    "hit_rate": "Questions for which any chunk handed over overlaps a source.",
    "mrr": "One over the rank of the first chunk that overlaps a source.",
    "ndcg": "How high the chunks that overlap a source stand, all ranks counted.",
    TOKENS: "Tokens, as OpenAI counts them (cl100k), of all chunks handed over for one question: what it costs.",
}

# In the order in which they hide each other: what does not stand in the documents cannot be cut in two either.
Label = Literal["not in the documents", "cut in two", "beyond the window", "outranked"]
LABELS: tuple[Label, ...] = ("not in the documents", "cut in two", "beyond the window", "outranked")
LABEL_EXPLANATIONS: dict[Label, str] = {
    "not in the documents": "The source names a document, or a place in it, that is not there.",
    "cut in two": "No chunk holds the whole source, and not all of its pieces were handed over.",
    "beyond the window": "The chunk is longer than what the embedding model reads, and the source stands in the "
    "part that was not embedded.",
    "outranked": "A chunk holds the whole source, but others were found before it.",
}

# Below a tenth, names and rare words of English texts; Chinese questions come to two thirds (docs/chunking.md).
# A guess between the two: lower warns about jargon, higher is silent about half-known languages.
_UNREADABLE = 0.1

Place = tuple[int, int, int]
"""Position of the document in `SweepResult.documents`, start, end."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A reference that was not handed over whole.

    Attributes:
        reference: Its position in the example's references.
        rank: The best rank of a chunk that holds it whole, or for *cut in two* a piece of it; None where none was
            found at all.
    """

    reference: int
    label: Label
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Cutting:
    """One chunking of all documents.

    Attributes:
        chunks: How many are searched.
        beyond_window: How many of them are longer than what the embedding model reads.
        share_cut: Share of the characters of all chunks that is not embedded for that reason.
        found: Per question what was handed over, best first, for the largest `top_k` of the sweep.
    """

    chunking: ChunkingSpec
    chunks: int
    beyond_window: int
    share_cut: float
    found: tuple[tuple[Place, ...], ...]


@dataclass(frozen=True, slots=True)
class SettingResult:
    """One chunking at one `top_k`.

    Attributes:
        cutting: Position of its chunking in `SweepResult.cuttings`.
        values: By metric (and `context_tokens`) one value per question, None where it has no references.
        summaries: By the same names mean and interval.
        misses: Per question the references missed.
    """

    cutting: int
    top_k: int
    values: Mapping[str, tuple[float | None, ...]]
    summaries: Mapping[str, Summary]
    misses: tuple[tuple[Miss, ...], ...]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All settings of a sweep.

    Attributes:
        documents: Name and version (hash of the text) of each.
        set_name: The evaluation set, with its version.
        example_ids: Its questions in order.
        embedder: Name of the embedding model; empty where words are searched.
        window: Tokens of a chunk that it reads; None where words are searched.
        embedded: Distinct texts, questions included, that vectors were needed for.
        seconds: Wall time.
        unknown: Share of the questions' tokens that the embedding model does not know (it was made for another
            language); None where that cannot be told.
        clusters: The documents that each question shares with others, see `cluster_labels`; None where no two share
            one.
    """

    spec: SweepSpec
    documents: tuple[tuple[str, str], ...]
    set_name: str
    set_version: str
    example_ids: tuple[str, ...]
    embedder: str
    window: int | None
    embedded: int
    seconds: float
    skipped: tuple[SkippedSetting, ...]
    cuttings: tuple[Cutting, ...]
    settings: tuple[SettingResult, ...]
    unknown: float | None = None
    clusters: tuple[str, ...] | None = None

    def cutting(self, setting: SettingResult) -> Cutting:
        """The chunking of a setting."""
        return self.cuttings[setting.cutting]

    @property
    def searcher(self) -> str:
        """What searched, in words for the user."""
        if not self.embedder:
            return "words (BM25)"
        embedding = self.spec.embedding
        return f"{embedding.model} on {embedding.endpoint}" if embedding.endpoint else self.embedder

    @property
    def names(self) -> tuple[str, ...]:
        """Of all settings, in order; each once."""
        tops = [setting.top_k for setting in self.settings]
        return tuple(setting_name(self.cutting(s).chunking, s.top_k, tops) for s in self.settings)

    @property
    def unit(self) -> str:
        """What is tested as one: `40 questions in 12 documents; unit: document`."""
        # Every setting is asked the same, so the first tells which questions can be scored.
        scored = [place for place, value in enumerate(self.settings[0].values["recall"]) if value is not None]
        labels = None if self.clusters is None else [self.clusters[place] for place in scored]
        return unit_note(len(scored), count_clusters(labels))


def language_warning(result: SweepResult) -> str:
    """What to know where the embedding model cannot read the questions; empty where it can."""
    # None where the model's own tokens cannot be looked at.
    if result.unknown is None or result.unknown < _UNREADABLE:
        return ""
    return (
        f"{result.unknown:.0%} of the tokens of your questions are unknown to {result.embedder}, a model for English: "
        f"it guesses from what is left. Search by words (BM25), or name an embedding model for your language."
    )


def by_recall(result: SweepResult) -> list[int]:
    """Positions of the settings, highest recall first; of equal ones the cheaper first."""

    def order(position: int) -> tuple[float, float]:
        summaries = result.settings[position].summaries
        # Not scored counts as nothing found.
        return -(summaries["recall"].mean or 0.0), summaries[TOKENS].mean or 0.0

    return sorted(range(len(result.settings)), key=order)


def pareto(result: SweepResult) -> list[int]:
    """Positions of the settings that no other beats in recall at the same or fewer context tokens; cheapest first."""
    # Cost and gain of each, as a point.
    points = [(s.summaries[TOKENS].mean or 0.0, s.summaries["recall"].mean or 0.0) for s in result.settings]
    front: list[int] = []
    best = -1.0
    # By cost, and of equal cost the best first: a point is on the front where it beats all cheaper ones.
    for position in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[position][1] > best:
            front.append(position)  # Strictly: of two alike only the cheaper is worth a look.
            best = points[position][1]
    return front


def compare_settings(result: SweepResult, baseline: int, other: int, metric: str) -> Comparison:
    """The setting `other` against `baseline`: paired by question, tested by whole documents where they share them."""
    a, b = result.settings[baseline].values[metric], result.settings[other].values[metric]
    # Fewer tokens are better, of all else more is.
    return compare_pairs(a, b, higher_is_better=metric != TOKENS, clusters=result.clusters)


def main_miss(misses: Sequence[Miss]) -> Miss | None:
    """The miss a question goes by: of several the one that no better ranking could mend."""
    # The order of the labels is that of the causes.
    return min(misses, key=lambda miss: LABELS.index(miss.label), default=None)


def label_counts(setting: SettingResult) -> dict[Label, int]:
    """How many questions go by each label."""
    labels = [miss.label for misses in setting.misses if (miss := main_miss(misses)) is not None]
    # All labels, those with zero too: tables of two settings have the same rows.
    return {label: labels.count(label) for label in LABELS}
