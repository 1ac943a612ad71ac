"""What both panels of the microscope show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Document, Example
from llmopt_ui.chunking.microscope.parts import Part
from llmopt_ui.document_text.document import spans_in


@dataclass(frozen=True, slots=True)
class PanelContent:
    """What both panels show: the part of a document, the window of its text, and the question asked.

    `start` and `end` count from the beginning of the part.
    """

    project: Project
    documents: Sequence[SavedDocument]
    part: Part
    version: str
    start: int
    end: int
    example: Example | None
    by: str
    top_k: int

    @property
    def document(self) -> Document:
        """The part, as a document of its own."""
        return self.part.document

    @property
    def references(self) -> tuple[tuple[int, int], ...]:
        """The question's references in this part."""
        spans = spans_in(self.document.name, self.example.references) if self.example else ()
        first, length = self.part.start, len(self.document.text)
        # Any that overlap the part; one that crosses its edge is shown as far as it is there.
        return tuple((a - first, b - first) for a, b in spans if a < first + length and b > first)
