"""Next to label: what people decided about single answers, and what becomes of it in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llmopt_core.experiments.tuning_lab.as_sent import without_shots
from llmopt_core.finetuning.data import TrainingExample
from llmopt_core.finetuning.from_records import from_corrections, preferences_from_corrections
from llmopt_core.finetuning.to_label import Candidate, next_to_label
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Record

LABELS = "labels"

Decision = Literal["accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class Label:
    """A person's decision on one question: the right answer, or that nothing is to be learned from it.

    Attributes:
        run_id: The run whose record was looked at; its prompt is what the example is trained on.
    """

    example_id: str
    run_id: int
    decision: Decision
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record to look at, and the run it is from."""

    run: Run
    candidate: Candidate


def labels(store: Store, project: Project | str) -> dict[str, Label]:
    """All decisions by example id."""
    body: Mapping[str, Any] = store.draft(project, LABELS, "") or {}
    return {key: Label(key, int(v["run_id"]), v["decision"], v.get("answer", "")) for key, v in body.items()}


def save_labels(store: Store, project: Project | str, decided: Iterable[Label]) -> int:
    """Keep decisions beside those that are there; a later one on the same question takes its place.

    Returns:
        How many questions have a decision now.
    """
    known = labels(store, project) | {label.example_id: label for label in decided}
    body = {
        key: {"run_id": label.run_id, "decision": label.decision, "answer": label.answer.strip()}
        for key, label in known.items()
    }
    store.save_draft(project, LABELS, "", body)
    return len(body)


def forget_labels(store: Store, project: Project | str) -> None:
    """Take all decisions back."""
    store.delete_draft(project, LABELS, "")


def waiting(
    store: Store, project: Project | str, runs: Sequence[Run], count: int = 20, metrics: Sequence[str] = ()
) -> list[Waiting]:
    """The records most worth a look: failures, low and uncertain scores; questions decided on are left out.

    Args:
        store: Where records and decisions lie.
        project: Whose.
        runs: Recent runs, newest first; of a question answered in several, the newest record counts.
        count: Most to return.
        metrics: Which scores count; all by default.
    """
    newest: dict[str, tuple[Run, Record]] = {}
    for run in runs:
        for record in store.records(run.id):
            newest.setdefault(record.example.id, (run, record))
    done = labels(store, project)
    chosen = next_to_label([record for _, record in newest.values()], count, metrics=metrics, already=done)
    return [Waiting(newest[candidate.record.example.id][0], candidate) for candidate in chosen]


def labelled_examples(store: Store, project: Project | str, *, pairs: bool = False) -> list[TrainingExample]:
    """Accepted answers as training examples.

    Args:
        store: Where decisions and records lie.
        project: Whose.
        pairs: Make preference pairs (the accepted answer is preferred to the model's) instead of conversations.
    """
    accepted = [label for label in labels(store, project).values() if label.decision == "accepted"]
    known = {run.id: run for run in store.runs(project)}
    found: list[TrainingExample] = []
    for label in accepted:
        if label.run_id not in known:
            continue
        sent = [store.record(label.run_id, label.example_id)]
        records, texts = without_shots(sent, known[label.run_id].configuration), {label.example_id: label.answer}
        make = preferences_from_corrections if pairs else from_corrections
        found += make(records, texts)
    return found
