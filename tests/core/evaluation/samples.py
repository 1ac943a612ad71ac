"""Examples that the tests of this folder score."""

from collections.abc import Sequence

from llmopt_core.evaluation.sample import Sample
from llmopt_core.types import Answer, Chunk, Example, Hit, Span

TOWER = (
    "The Eiffel Tower was completed in 1889 for the World's Fair. It is 330 metres tall. Gustave Eiffel's company "
    "designed and built it."
)
BANANAS = "Bananas are rich in potassium. They grow in the tropics."
QUESTION = "When was the Eiffel Tower completed?"


def hit(text: str, document: str = "a.txt", start: int = 0, score: float = 1.0) -> Hit:
    return Hit(Chunk(document, start, start + len(text), text), score)


def sample(
    answer: str | None = "1889",
    contexts: Sequence[str] | None = (TOWER, BANANAS),
    question: str = QUESTION,
    reference: str | None = "1889",
    references: tuple[Span, ...] = (),
) -> Sample:
    """One example; contexts become hits of the documents c0, c1 ...; None stands for no retrieval."""
    hits = None if contexts is None else tuple(hit(text, f"c{n}") for n, text in enumerate(contexts))
    said = None if answer is None else Answer(answer, hits or ())
    return Sample(Example("e1", question, reference, references), said, hits)
