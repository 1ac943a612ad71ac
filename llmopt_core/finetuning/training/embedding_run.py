"""Tuning an embedding model on question-passage pairs."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings
from llmopt_core.finetuning.training.loop import Hooks, Measurement, TrainingLoop
from llmopt_core.types.grouping import group_values


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a passage that answers it; `number` is its position in the set."""

    number: int
    question: str
    passage: str


class EmbeddingRun(TrainingLoop[Pair]):
    """Trains a sentence-transformers model with the multiple negatives ranking loss (Henderson et al. 2017).

    Args:
        model: A `SentenceTransformer`; it is changed.
        settings: Hyperparameters.
        train: Pairs to learn, at least two.
        validation: Pairs to measure; may be empty.
        checkpoints: Where the state is kept.
        seed: Decides order and dropout.
        hooks: The outside.
    """

    def __init__(
        self,
        model: Any,
        settings: EmbeddingSettings,
        train: Sequence[Pair],
        validation: Sequence[Pair],
        checkpoints: Checkpoints,
        *,
        seed: int = 0,
        hooks: Hooks | None = None,
    ) -> None:
        import torch

        # Before the model is used: dropout draws from it.
        torch.manual_seed(seed)
        self.settings = settings
        self.model = model
        self.model.max_seq_length = settings.max_tokens
        weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        super().__init__(weights, settings, train, validation, checkpoints, seed=seed, hooks=hooks)

    def epoch_batches(self, epoch: int) -> list[list[Pair]]:
        """See `TrainingLoop.epoch_batches`. No passage stands twice in a batch: it would be its own wrong answer."""
        # No epoch of another seed has the same order, up to 1,000 epochs. A local generator leaves PyTorch's
        # alone.
        rng = random.Random(self.seed * 1_000 + epoch)
        by_passage = group_values((pair.passage, pair) for pair in rng.sample(list(self.train), len(self.train)))
        dealt = [pair for pairs in by_passage.values() for pair in pairs]
        # A passage that stands n times needs n batches to be parted.
        most = max(Counter(pair.passage for pair in dealt).values())
        # Pairs of one passage lie side by side, so dealing them out in turn parts them.
        count = max(math.ceil(len(dealt) / self.settings.batch_size), most)
        # Every count-th pair: equal passages are at most `most` apart, so no batch has two.
        return [batch for batch in (dealt[start::count] for start in range(count)) if batch]

    def batch_loss(self, batch: Sequence[Pair]) -> tuple[Any, float, int]:
        """See `TrainingLoop.batch_loss`; accuracy is the share of questions nearest to their own passage."""
        self.model.train()
        questions, question_tokens = self._vectors([p.question for p in batch])
        passages, passage_tokens = self._vectors([p.passage for p in batch])
        # In training the right passage of question i is passage i of its own batch.
        losses, right = self._rank(questions, passages, range(len(batch)))
        return losses.mean(), float(right.float().mean()), question_tokens + passage_tokens

    def measure(self, examples: Sequence[Pair]) -> Measurement:
        """Loss and recall at 1 of each question among all passages of the examples."""
        import torch

        self.model.eval()
        # Sorted, so that equal cosines are decided alike each time.
        passages = sorted({pair.passage for pair in examples})
        where = {passage: number for number, passage in enumerate(passages)}
        with torch.no_grad():
            passage_vectors = self._encode(passages)
            question_vectors = self._encode([pair.question for pair in examples])
            losses, right = self._rank(question_vectors, passage_vectors, [where[pair.passage] for pair in examples])
        by_example = {p.number: (float(loss), 1) for p, loss in zip(examples, losses, strict=True)}
        return Measurement(float(losses.mean()), float(right.float().mean()), by_example)

    def _rank(self, questions: Any, passages: Any, targets: Sequence[int]) -> tuple[Any, Any]:
        import torch

        normalise = torch.nn.functional.normalize
        # Normalised, so that the product is the cosine; the scale makes the softmax sharp enough for values between -1
        # and 1.
        scores = self.settings.scale * normalise(questions, dim=1) @ normalise(passages, dim=1).T
        labels = torch.tensor(list(targets))
        losses = torch.nn.functional.cross_entropy(scores, labels, reduction="none")
        return losses, scores.argmax(1) == labels

    def _vectors(self, texts: Sequence[str]) -> tuple[Any, int]:
        features = self.model.preprocess(list(texts))
        return self.model(features)["sentence_embedding"], int(features["attention_mask"].sum())

    def _encode(self, texts: Sequence[str]) -> Any:
        import torch

        size = self.settings.batch_size
        return torch.cat([self._vectors(texts[at : at + size])[0] for at in range(0, len(texts), size)])
