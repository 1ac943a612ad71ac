"""Results of other tools -> runs of a project, over a set of the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.imported_runs import IMPORTED_JUDGE
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.interop.results.files import read_bytes
from llmopt_core.interop.results.imported_run import ImportedRun, imported_run, without_copies
from llmopt_core.interop.results.recognise import FoundResults, find_results, recognise
from llmopt_core.labs.evaluation.imported_records import import_record, total_seconds, total_usage
from llmopt_core.labs.evaluation.imported_sets import QuestionGroup, choose_set, group_by_questions
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import ACTIVE, IMPORTED, Project, Run, Status
from llmopt_core.types import (
    EvaluationSet,
    fingerprint,
)

DEFAULT_PROJECT = "Imported results"
_AT_ONCE = 200


@dataclass(frozen=True)
class ImportPreview:
    """What files hold, before anything is stored.

    Attributes:
        problems: What could not be read or was left out, a sentence each that begins with the file.
    """

    runs: tuple[ImportedRun, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class ImportOutcome:
    """What became of an import.

    Attributes:
        sets: Per group of runs over the same questions: name of the set, its version, and ids of the runs.
        added: Ids of the runs that are new; the others were there already.
        notes: What has to be said, a sentence each.
    """

    sets: tuple[tuple[str, str, tuple[int, ...]], ...]
    added: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def run_ids(self) -> tuple[int, ...]:
        """All runs of the files."""
        return tuple(run_id for _, _, ids in self.sets for run_id in ids)


def read_results(paths: Sequence[Path]) -> ImportPreview:
    """The runs in files and folders.

    Raises:
        BadInput: One is no file of results, or what belongs to it is missing.
    """
    return _preview(find_results(paths))


def read_uploads(files: Sequence[tuple[str, bytes]]) -> ImportPreview:
    """The runs in uploaded files, by name and content.

    Raises:
        BadInput: See `read_results`.
    """
    return _preview(recognise([read_bytes(name, data) for name, data in files]))


def _preview(found: FoundResults) -> ImportPreview:
    runs = [imported_run(variant) for variant in found.variants]
    runs = [run for run in runs if run.cases]
    if not runs:
        raise BadInput("The files hold no row with a question.")
    kept_runs, notes = without_copies(runs)
    return ImportPreview(tuple(kept_runs), (*found.problems, *notes))


def import_runs(store: Store, project: Project, runs: Sequence[ImportedRun], set_name: str = "") -> ImportOutcome:
    """Store runs over the project's set of the same questions, or a new one. What was imported before is left as it is.

    Args:
        store: Where.
        project: Whose.
        runs: See `read_results`.
        set_name: What a new set is called; by default as its files say.
    """
    stored_runs = _known_runs(store, project)
    names = {run.name for run in store.runs(project)} | {item.name for item in store.configurations(project)}
    run_ids: list[int] = []
    notes: list[str] = []
    ids_by_set: dict[tuple[str, str], list[int]] = {}
    for group in group_by_questions(runs):
        members = [runs[number] for number in group.places]
        evaluation_set, places = choose_set(store, project, group, set_name or _set_name(members))
        ids = ids_by_set.setdefault((evaluation_set.name, evaluation_set.version), [])
        for number in sorted(group.places):
            run = runs[number]
            earlier = stored_runs.get(run.key)
            if earlier is not None:
                notes.append(f"{earlier.name} was imported before, as run {earlier.id}; nothing was added")
                ids.append(earlier.id)
                continue
            name = _free_name(run, names)
            names.add(name)
            run_id = _store(store, project, run, name, evaluation_set, [places[p] for p in group.places[number]])
            notes += _set_notes(run, name, group, len(evaluation_set.examples), evaluation_set.name)
            ids.append(run_id)
            run_ids.append(run_id)
    sets = tuple((*place, tuple(dict.fromkeys(ids))) for place, ids in ids_by_set.items())
    return ImportOutcome(sets, tuple(run_ids), tuple(dict.fromkeys(notes)))


def _known_runs(store: Store, project: Project) -> dict[str, Run]:
    """Key -> run that was imported whole. What a crash left half-way is removed."""
    broken_ids: list[int] = []
    result: dict[str, Run] = {}
    for run in store.runs(project):
        key = run.imported.get("key")
        if not isinstance(key, str) or run.status in ACTIVE:
            continue
        if run.done < run.total:
            broken_ids.append(run.id)
        else:
            result.setdefault(key, run)
    if broken_ids:
        store.delete_runs(broken_ids)
    return result


def _set_name(runs: Sequence[ImportedRun]) -> str:
    name = next((run.variant.set_name for run in runs if run.variant.set_name.strip()), "")
    return name or Path(runs[0].variant.files[0].replace("\\", "/")).stem.lstrip(".")


def _free_name(run: ImportedRun, names: set[str]) -> str:
    candidates = [run.name, f"{run.name} ({run.variant.tool})"]
    free = next((name for name in candidates if name not in names), "")
    number = 2
    while not free:
        name = f"{run.name} ({run.variant.tool} {number})"
        free, number = ("" if name in names else name), number + 1
    return free


def _set_notes(run: ImportedRun, name: str, group: QuestionGroup, size: int, set_name: str) -> list[str]:
    notes = [f"{name}: {note}" for note in run.variant.notes]
    if len(run.cases) < size:
        notes.append(f"{name}: {len(run.cases):,} of the {size:,} questions of {set_name} are in its files")
    return notes


def _store(  # noqa: PLR0917
    store: Store,
    project: Project,
    run: ImportedRun,
    name: str,
    evaluation_set: EvaluationSet,
    places: Sequence[int],
) -> int:
    """Store a run; `places` are those of its cases among the examples."""
    variant = run.variant
    run_id = store.start_run(
        project,
        {"name": name, "imported_from": run.source, "model_name": variant.model, "details": dict(variant.details)},
        fingerprint("imported run", run.key),
        evaluation_set=evaluation_set.name,
        set_version=evaluation_set.version,
        judge=IMPORTED_JUDGE,
        metrics=run.metrics,
        total=len(run.cases),
        options={IMPORTED: _facts(run), "limit": None, "budget_usd": None},
        training=TrainingOverlap(questions=len(run.cases)).model_dump(mode="json"),
        created_at=variant.created_at,
    )
    records = [
        (place, import_record(evaluation_set.examples[place], case, run))
        for place, case in sorted(zip(places, run.cases, strict=True), key=lambda item: item[0])
    ]
    for start in range(0, len(records), _AT_ONCE):
        store.save_records(run_id, records[start : start + _AT_ONCE])
    store.save_spending(run_id, total_usage(run), {})
    status, error = _status(run)
    store.finish_run(run_id, status, seconds=total_seconds(run), error=error)
    return run_id


def _facts(run: ImportedRun) -> dict[str, Any]:
    variant, rows = run.variant, run.variant.rows
    judges = dict.fromkeys(score.judge for row in rows for score in row.scores.values() if score.judge)
    return {
        "tool": variant.tool,
        "version": variant.version,
        "files": [name.replace("\\", "/").rpartition("/")[2] for name in variant.files],
        "model": variant.model,
        "details": dict(variant.details),
        "missing": list(run.missing),
        "notes": list(variant.notes),
        "repeats": run.repeats,
        "judges": list(judges),
        "has_tokens": any(row.prompt_tokens is not None for row in rows),
        "has_seconds": any(row.seconds is not None for row in rows),
        "has_date": variant.created_at is not None,
        "has_answers": any(row.answer is not None for row in rows),
        "has_contexts": any(row.contexts for row in rows),
        "key": run.key,
    }


def _status(run: ImportedRun) -> tuple[Status, str]:
    failures = [case for case in run.cases if all(row.failure for row in case.answers)]
    reasons = [row.failure.message for case in failures for row in case.answers if row.failure][:1]
    error = f"{len(failures):,} of {len(run.cases):,} answers failed: {reasons[0]}" if failures else ""
    if run.variant.status != "finished":
        return run.variant.status, " ".join(filter(None, (run.variant.error, error)))
    # As for runs of our own: where more failed than not, the rest says little.
    return ("failed" if len(failures) * 2 > len(run.cases) else "finished"), error
