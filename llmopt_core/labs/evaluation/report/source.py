"""What the sections of a report are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.experiments.result_file import Result, result_split
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.labs.evaluation.failure_kinds import Diagnosis
from llmopt_core.reporting.formatting import plural


@dataclass(frozen=True, slots=True)
class ReportSource:
    """A result with what several sections need of it.

    Attributes:
        labels: Of the runs, each once.
        baseline: The place of what the others are compared with.
        metric: By which wins and losses are told; empty where no run has any.
        diagnoses: What became of each record, in the order of the runs.
    """

    result: Result
    labels: tuple[str, ...]
    baseline: int
    metric: str
    tables: tuple[RunScoreTable, ...]
    diagnoses: tuple[Sequence[Diagnosis], ...]

    @property
    def scope(self) -> str:
        """What all numbers stand over: how many questions, of which set and part."""
        values = self.result.get("evaluation_set")
        questions = values if isinstance(values, Mapping) else {}
        asked = {str(record["example_id"]) for run in self.runs for record in run["records"]}
        name = str(questions.get("name") or "")
        of_set = f" of the set {name}" if name else ""
        return f"Over {plural(len(asked), 'question')}{of_set}; split: {result_split(self.result) or 'none'}."

    @property
    def runs(self) -> list[Mapping[str, Any]]:
        """The runs of the result."""
        return list(self.result["runs"])
