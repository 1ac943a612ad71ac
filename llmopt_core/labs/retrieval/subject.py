"""What the lab measures: a configuration over questions and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.work_name import work_name
from llmopt_core.models.registry import Models
from llmopt_core.types import Document, Example


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        configuration: Must retrieve.
        examples: What is asked.
        documents: What is searched.
        models: Of the current event loop.
    """

    configuration: Configuration
    examples: Sequence[Example]
    documents: Sequence[Document]
    models: Models

    @cached_property
    def with_gold(self) -> list[Example]:
        """The examples that say where their answer stands."""
        return [example for example in self.examples if example.references]

    def pipeline(
        self, variant: Configuration | None = None, metrics: Sequence[str] = (), judge: JudgeSpec | None = None
    ) -> Pipeline:
        """Asks the configuration, or a variant of it."""
        # The default judge is never asked where no metric needs one.
        return Pipeline(variant or self.configuration, self.documents, metrics, judge or JudgeSpec(), self.models)

    def work_name(self, kind: str, judge: JudgeSpec | None, options: Any) -> str:
        """Under which what was paid for a piece of work on it is kept."""
        return work_name(kind, self.configuration, self.examples, self.documents, self.models, judge, options)
