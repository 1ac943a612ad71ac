"""Which few-shot examples a question gets."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from llmopt_core.errors import BadInput
from llmopt_core.prompts.spec import FewShotSpec

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]

# Half for nearness, half against repetition: the usual balance.
MMR_WEIGHT = 0.5


def select_examples(spec: FewShotSpec, question: str, vectors: Encode | None = None) -> list[dict[str, str]]:
    """The examples for one question, in the order in which they are shown.

    `nearest` and `diverse` show the best one last, next to the question.

    Args:
        spec: The set and how to choose from it.
        question: What the examples should resemble.
        vectors: Texts -> unit vectors, shape (texts, dimension). Needed by `nearest` and `diverse`.

    Raises:
        BadInput: The selection needs an embedding model and none was given.
    """
    examples, k = list(spec.examples), min(spec.k, len(spec.examples))
    if spec.select == "all" or not examples:
        return examples
    if spec.select == "first":
        return examples[:k]
    if spec.select == "random":
        # A generator of its own: the same examples for each question and on each machine.
        return random.Random(spec.seed).sample(examples, k)
    if vectors is None:
        raise BadInput(f"Few-shot selection by {spec.select!r} needs an embedding model; choose one, or use 'first'.")
    embeddings = vectors([question, *(question_of(example) for example in examples)])
    choose = _nearest if spec.select == "nearest" else _diverse
    # Models follow most what stands last before the question.
    return [examples[i] for i in reversed(choose(embeddings[0], embeddings[1:], k))]


def question_of(example: dict[str, str]) -> str:
    """The text by which an example is compared: its question, or all its variables where it has none."""
    return example.get("question") or "\n".join(value for key, value in example.items() if key != "answer")


def _nearest(question: npt.NDArray[np.float32], pool: npt.NDArray[np.float32], k: int) -> list[int]:
    # Stable, so that equal ones come in the order of the set on every machine.
    return [int(i) for i in np.argsort(-(pool @ question), kind="stable")[:k]]


def _diverse(question: npt.NDArray[np.float32], pool: npt.NDArray[np.float32], k: int) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998) with equal weights, best first."""
    # Unit vectors, so products are cosines.
    relevance, alike = pool @ question, pool @ pool.T
    selection: list[int] = []
    while len(selection) < k:
        redundancy = alike[:, selection].max(axis=1) if selection else np.zeros(len(pool), dtype=np.float32)
        value = MMR_WEIGHT * relevance - (1 - MMR_WEIGHT) * redundancy
        value[selection] = -np.inf
        selection.append(int(np.argmax(value)))
    return selection
