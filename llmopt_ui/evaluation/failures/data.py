"""What the tab works on: the runs with what became of their records, and what was noted on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.labs.evaluation.failure_kinds import FAILURE_TITLES, Diagnosis, FailureKind
from llmopt_core.labs.evaluation.notes import NoteBook, read_notes
from llmopt_core.runs.values import Project, Run
from llmopt_ui.resources import store


@dataclass(frozen=True, slots=True)
class Desk:
    """What is on the desk.

    Attributes:
        set_name: Of the evaluation set, whose notes these are.
        runs: By the name they are shown under.
        diagnoses: Of their records, by the same names.
        baseline: The configuration that flips are against.
    """

    project: Project
    set_name: str
    runs: Mapping[str, Run]
    diagnoses: Mapping[str, Sequence[Diagnosis]]
    baseline: str

    def notes(self) -> NoteBook:
        """What was noted so far, by anybody; read anew, since other tabs write too."""
        return read_notes(store(), self.project, self.set_name)

    @property
    def run_names(self) -> dict[int, str]:
        """Id of each run -> the name that it is shown under."""
        return {run.id: name for name, run in self.runs.items()}


def desk_of(project: Project, set_name: str, runs: Mapping[str, Run], baseline: str) -> Desk:
    """The runs with what became of each record."""
    diagnoses = {name: _diagnoses(run.id, run.done, run.failed, run.status) for name, run in runs.items()}
    return Desk(project, set_name, runs, diagnoses, baseline)


# Records with their traces are large and what is told of them is small. A run that goes on or is resumed has another
# key; one that was graded anew is another run.
@st.cache_resource(max_entries=128, show_spinner="Reading records and traces …")
def _diagnoses(run_id: int, answer_count: int, failure_count: int, status: str) -> list[Diagnosis]:
    # At use: a page that opens another tab needs none of it.
    from llmopt_core.labs.evaluation.failure_summary import diagnose_run

    return diagnose_run(store(), run_id)


def kind_title(kind: FailureKind | str | None) -> str:
    """The name of an automatic kind."""
    return FAILURE_TITLES.get(kind, "Kind unknown") if kind else "Kind unknown"  # type: ignore[call-overload]
