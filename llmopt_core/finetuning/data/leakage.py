"""Training examples that also stand in an evaluation set: the score would measure memory, not skill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from llmopt_core.finetuning.data.examples import TrainingExample, message_text
from llmopt_core.finetuning.data.rules import Problem
from llmopt_core.finetuning.data.similarity import Overlap
from llmopt_core.text.words import words
from llmopt_core.types import EvaluationSet

# A shorter reference, such as a year, is bound to occur elsewhere by chance.
_LONG_REFERENCE = 8


@dataclass(frozen=True, slots=True)
class Leak:
    """Training example number `number` (0-based) overlaps with an evaluation example.

    Attributes:
        kind: `leakage_exact`, `leakage_near` or `leakage_document`.
        share: Share of the evaluation question's word triples found in the training example.
    """

    number: int
    kind: str
    evaluation_set: str
    example_id: str
    share: float


class LeakageDetector:
    """Compares training examples with evaluation sets: questions, long reference answers, and documents."""

    def __init__(self, evaluation_sets: Sequence[EvaluationSet]) -> None:
        # Without a set nothing need be compared, and most checks of a file are made without one.
        self._any = any(s.examples for s in evaluation_sets)
        pairs = [(s.name, e) for s in evaluation_sets for e in s.examples]
        self._owners = [(name, e.id) for name, e in pairs]
        self._questions = Overlap([e.question for _, e in pairs])
        long = [(owner, e.reference or "") for owner, (_, e) in zip(self._owners, pairs, strict=True)]
        long = [(owner, text) for owner, text in long if len(words(text)) >= _LONG_REFERENCE]
        self._reference_owners = [owner for owner, _ in long]
        # Answers about one document share phrases, so more of their triples must be found (.8) than of a question's
        # (.7).
        self._references = Overlap([text for _, text in long], near=0.8)
        # Of several questions on a document the last stands for it: one example is enough to name.
        self._documents = {r.document: (name, e.id) for name, e in pairs for r in e.references}

    def find(self, example: TrainingExample, number: int = 0) -> Leak | None:
        """The worst overlap of one training example, or None."""
        if not self._any:
            return None
        # Every turn of the user: an evaluation question may be asked in the middle of a conversation.
        questions = [message_text(m) for m in example.prompt if m.get("role") == "user"]
        overlaps = [(hit, self._owners) for text in questions if (hit := self._questions.find(text))]
        if hit := self._references.find(example.answer):
            overlaps.append((hit, self._reference_owners))
        if overlaps:
            # The largest share is named, so an exact repetition is never told as a near one.
            (position, share), owners = max(overlaps, key=lambda item: item[0][1])
            return Leak(number, "leakage_exact" if share == 1.0 else "leakage_near", *owners[position], share)
        # The weakest sign comes last: a model that learned from a document does not know the question yet.
        if example.group in self._documents:
            return Leak(number, "leakage_document", *self._documents[example.group], 0.0)
        return None

    def problem(self, example: TrainingExample) -> Problem | None:
        """The overlap as a finding for the report of a file."""
        leak = self.find(example)
        if leak is None:
            return None
        description = {
            "leakage_exact": "stands in",
            "leakage_near": f"overlaps ({leak.share:.0%} of the words) with",
            "leakage_document": "comes from a document of",
        }[leak.kind]
        message = f"{description} the evaluation set {leak.evaluation_set}, example {leak.example_id}"
        return Problem(leak.kind, message, is_error=False)


def find_leaks(examples: Iterable[TrainingExample], evaluation_sets: Sequence[EvaluationSet]) -> list[Leak]:
    """Every training example that overlaps with an evaluation set, in order."""
    return list(_leaks(examples, LeakageDetector(evaluation_sets)))


def _leaks(examples: Iterable[TrainingExample], detector: LeakageDetector) -> Iterator[Leak]:
    for number, example in enumerate(examples):
        if leak := detector.find(example, number):
            yield leak
