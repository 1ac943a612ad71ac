"""A map: question, invented passages and chunks in the plane that shows most of their spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.retrieval.analysis.inspect import is_gold
from llmopt_core.types import Hit, Span

# More points cover each other, and the browser slows down.
LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """One text on the map.

    Attributes:
        rank: Among the chunks handed over, None for the others.
    """

    kind: Literal["question", "passage", "chunk"]
    text: str
    x: float
    y: float
    gold: bool = False
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """Points, and the share of the vectors' spread that the plane shows, 0 to 1."""

    points: tuple[Point, ...]
    explained_variance: float


def project(
    question: tuple[str, Vectors],
    passages: Sequence[tuple[str, Vectors]],
    hits: Sequence[Hit],
    index: Index,
    references: Iterable[Span] = (),
) -> Map:
    """Lay question, passages and chunks out by the first two principal components.

    All chunks handed over and all gold ones are on the map, the others evenly thinned out to some 2,000.

    Args:
        question: Its text and vector.
        passages: Texts that were searched beside it, with their vectors.
        hits: The chunks handed over.
        index: All chunks with their vectors.
        references: Where the answer stands.
    """
    references = tuple(references)
    ranks = {hit.chunk.id: rank for rank, hit in enumerate(hits, start=1)}
    gold = [is_gold(chunk, references) for chunk in index.chunks]
    # Rounded up, so that no more than the limit are taken; every n-th, so that all documents are thinned out alike.
    step = -(-len(index.chunks) // LIMIT)
    positions = [p for p, chunk in enumerate(index.chunks) if p % step == 0 or gold[p] or chunk.id in ranks]
    texts = [question, *passages]
    places, variance_share = principal_plane(np.concatenate([[vector for _, vector in texts], index.matrix[positions]]))
    text_points = [
        Point("passage" if number else "question", text, float(x), float(y))
        # `places` goes on with the chunks: here only its beginning is wanted, so the lengths may differ.
        for number, ((text, _), (x, y)) in enumerate(zip(texts, places, strict=False))
    ]
    chunk_points = [
        Point("chunk", index.chunks[p].text, float(x), float(y), gold[p], ranks.get(index.chunks[p].id))
        for p, (x, y) in zip(positions, places[len(texts) :], strict=True)
    ]
    return Map((*text_points, *chunk_points), variance_share)


def principal_plane(vectors: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], float]:
    """Coordinates, shape (n, 2), along the first two principal components, and their share of the variance.

    Signs are chosen so that the largest weight of each component is positive: equal input gives an equal map.
    """
    values = np.asarray(vectors, dtype=np.float64)
    # Principal components are directions of spread around the mean; without it the first would point at the mean.
    deviations = values - values.mean(axis=0)
    # Of the two products, whose eigenvalues are the same, the smaller one.
    few = len(deviations) < deviations.shape[1]
    variances, components = np.linalg.eigh(deviations @ deviations.T if few else deviations.T @ deviations)
    # `eigh` sorts from the least to the greatest.
    axes = components[:, ::-1][:, :2]
    if few:
        # Eigenvectors of the small product are weights of rows; multiplied by the rows they are the axes, up to length.
        axes = deviations.T @ axes
        axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-12)  # points that all coincide have no axis to scale
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    total = float(variances.sum())
    # All spread is shown where there is none: equal texts are one point.
    variance_share = float(variances[::-1][:2].sum()) / total if total > 1e-12 else 1.0
    # Rounding can lift the share to a hair above 1.
    return deviations @ axes, min(1.0, variance_share)
