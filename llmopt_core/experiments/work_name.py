"""A name for a piece of the lab's work: what earlier sessions of it have paid counts within its budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_identity, example_identity, lab_identity
from llmopt_core.models.registry import Models
from llmopt_core.types import Document, Example, fingerprint


def work_name(  # noqa: PLR0917
    kind: str,
    configuration: Configuration,
    examples: Sequence[Example],
    documents: Sequence[Document],
    models: Models,
    judge: JudgeSpec | None,
    options: Any = None,
) -> str:
    """Everything that decides the result; the judge where one grades."""
    # With ids, which the identity leaves out: a result names its questions by them.
    questions = [[example.id, *example_identity(example)] for example in examples]
    identity = lab_identity(configuration, models, judge)
    return fingerprint(kind, configuration.fingerprint, identity, questions, documents_identity(documents), options)
