"""What must be said beside runs: trained on the questions, made by another tool, or over different documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.imported_runs import ImportSource, import_source
from llmopt_core.experiments.run_documents import RunDocuments, document_marks, documents_note, documents_of
from llmopt_core.experiments.search_terms import mixed_terms_note
from llmopt_core.experiments.training_overlap import TrainingOverlap, overlap_from
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Example
from llmopt_core.types.grouping import group_values


@dataclass(frozen=True, slots=True)
class Caveat:
    """One sentence; `severe` where a score is no measure of what it seems to measure."""

    text: str
    severe: bool = False


@dataclass(frozen=True, slots=True)
class RunCaveats:
    """What has to be known of one run, as it is stored or written to a result.

    Attributes:
        overlap: None where the result is from before it was kept.
        source: Where it was imported from; None for runs of our own.
        terms_note: That its answers were found by two kinds of search terms; empty where they were not.
    """

    documents: RunDocuments
    overlap: TrainingOverlap | None
    source: ImportSource | None = None
    terms_note: str = ""

    @property
    def overlap_count(self) -> int:
        """How many of its questions the run was trained on."""
        return self.overlap.overlap_count if self.overlap else 0


def run_caveats(values: Mapping[str, Any], name: str = "") -> RunCaveats:
    """Those of a run in a result, under the name it is shown with."""
    version = values.get("documents_version")
    documents = RunDocuments(
        name or str(values.get("configuration", "")),
        bool(values.get("uses_documents")),
        version if isinstance(version, str) else None,
    )
    overlap = values.get("training_overlap")
    source = import_source(values.get("imported"))
    trained = overlap_from(overlap) if isinstance(overlap, Mapping) else None
    return RunCaveats(documents, trained, source, mixed_terms_note(values))


def caveats_of(store: Store, runs: Sequence[Run], names: Sequence[str] = ()) -> list[RunCaveats]:
    """Those of stored runs, under the names they are shown with (their own by default)."""
    # At use: it brings the modules of fine-tuning along, which a report on a result file does not need.
    from llmopt_core.experiments.training_sources import overlap_of

    labels = names or [run.name for run in runs]
    return [
        RunCaveats(
            documents_of(run, name), overlap_of(store, run), import_source(run.imported), mixed_terms_note(run.options)
        )
        for run, name in zip(runs, labels, strict=True)
    ]


def configuration_caveats(
    store: Store,
    project: Project | str,
    configuration: Configuration,
    examples: Sequence[Example],
    *,
    answers: bool = True,
) -> RunCaveats:
    """Those of a configuration that is measured on these questions without a run.

    Args:
        store: Holds what is known of its tuned parts.
        project: Whose it is.
        configuration: What is measured.
        examples: On what.
        answers: Whether it answers; else only its retrieval counts.
    """
    from llmopt_core.experiments.training_sources import training_overlap

    # Neither prompt nor model decides what is found, so what those have learned from does not count.
    changes = {} if answers else {"prompt": PromptSpec(), "model": ModelSpec()}
    current = configuration.model_copy(update=changes)
    overlap = training_overlap(store, project, current, examples)
    return RunCaveats(RunDocuments(configuration.name, False, None), overlap)


def caveats(runs: Sequence[RunCaveats]) -> list[Caveat]:
    """All sentences on runs that are shown together, the severe ones first."""
    overlaps = [(run.documents.name, run.overlap) for run in runs if run.overlap is not None]
    overlap_caveats = [
        Caveat(text, severe=True) for text in _deduplicate((name, overlap.warning) for name, overlap in overlaps)
    ]
    overlap_caveats += [Caveat(text) for text in _deduplicate((name, overlap.note) for name, overlap in overlaps)]
    overlap_caveats += [
        Caveat(text) for text in _deduplicate((name, overlap.choice_note) for name, overlap in overlaps)
    ]
    overlap_caveats += [Caveat(text) for text in _deduplicate((name, overlap.looks_note) for name, overlap in overlaps)]
    sources = [(run.documents.name, run.source.sentence) for run in runs if run.source is not None]
    terms = [(run.documents.name, run.terms_note) for run in runs]
    note = documents_note([run.documents for run in runs])
    return [*overlap_caveats, *map(Caveat, _deduplicate([*sources, *terms])), *([Caveat(note)] if note else [])]


def _deduplicate(sentences: Iterable[tuple[str, str]]) -> list[str]:
    """Each sentence once, after the names of all runs that it is about."""
    names = group_values((sentence, name) for name, sentence in sentences if sentence)
    return [f"{', '.join(dict.fromkeys(run_names))}: {sentence}" for sentence, run_names in names.items()]


def marks(runs: Sequence[RunCaveats]) -> list[str]:
    """For each run a few words to stand beside its name; empty where there is nothing to say."""
    documents = document_marks([run.documents for run in runs])
    return [
        ", ".join(filter(None, (run.source.words if run.source else "", _training_note(run), mark)))
        for run, mark in zip(runs, documents, strict=True)
    ]


def _training_note(run: RunCaveats) -> str:
    if run.overlap is None:
        return ""
    if run.overlap.overlap_count:
        return f"trained on {run.overlap.overlap_count} of these {run.overlap.questions} questions"
    notes = (
        f"chosen on {run.overlap.chosen} of these {run.overlap.questions} questions" if run.overlap.chosen else "",
        "asked before" if run.overlap.looks else "",
        "training data unknown" if run.overlap.unknown_parts else "",
    )
    return ", ".join(filter(None, notes))
