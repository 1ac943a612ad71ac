"""Next to label: what people typed and decided about single answers, and what becomes of it in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.finetuning.data.active_learning import Candidate, next_to_label
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.record_examples import examples_from_corrections, preferences_from_corrections
from llmopt_core.labs.finetuning.without_few_shot import without_shots
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Record

LABELS = "labels"
_DRAFT = "begun"  # What was typed and not decided; the key beside the empty one, which holds decisions.

Decision = Literal["accepted", "rejected"]


def question_key(evaluation_set: str, example_id: str) -> str:
    """What a decision is kept under. An id alone is not enough: without ids of their own, questions count from 1."""
    # A tab stands in no name of a set, so no two pairs give the same key.
    return f"{evaluation_set}\t{example_id}"


@dataclass(frozen=True, slots=True)
class Label:
    """A person's decision on one question: the right answer, or that nothing is to be learned from it.

    Attributes:
        run_id: The run whose record was looked at; its prompt is what the example is trained on.
        evaluation_set: Where the question stands; found by the run where it is not named.
    """

    example_id: str
    run_id: int
    decision: Decision
    answer: str = ""
    evaluation_set: str = ""

    @property
    def key(self) -> str:
        """See `question_key`."""
        return question_key(self.evaluation_set, self.example_id)


@dataclass(frozen=True, slots=True)
class LabelDraft:
    """What was typed about a question before a decision on it was kept."""

    answer: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record to look at, and the run it is from."""

    run: Run
    candidate: Candidate

    @property
    def key(self) -> str:
        """See `question_key`."""
        return question_key(self.run.evaluation_set, self.candidate.record.example.id)


def labels(store: Store, project: Project | str) -> dict[str, Label]:
    """All decisions by `question_key`."""
    label_list = _labels_in(store.draft(project, LABELS, ""))
    return _by_key(label_list, _sets_of_runs(store, project, label_list))


def _labels_in(body: Mapping[str, Any] | None) -> list[Label]:
    return [
        # Missing fields: decisions of earlier versions were kept by the id alone.
        Label(
            v.get("example_id", key), int(v["run_id"]), v["decision"], v.get("answer", ""), v.get("evaluation_set", "")
        )
        for key, v in (body or {}).items()
    ]


def _sets_of_runs(store: Store, project: Project | str, labels: Iterable[Label]) -> dict[int, str]:
    # Most projects have no old labels, and need not read their runs.
    if all(label.evaluation_set for label in labels):
        return {}
    return {run.id: run.evaluation_set for run in store.runs(project)}


def _by_key(labels: Iterable[Label], sets: Mapping[int, str]) -> dict[str, Label]:
    """Labels that name their evaluation set; one whose run is gone stays without."""
    complete_labels = [
        label if label.evaluation_set else replace(label, evaluation_set=sets.get(label.run_id, "")) for label in labels
    ]
    return {label.key: label for label in complete_labels}


def save_labels(store: Store, project: Project | str, labels: Iterable[Label]) -> int:
    """Keep decisions beside those that are there; a later one on the same question takes its place.

    Returns:
        How many questions have a decision now.
    """
    new_labels = list(labels)
    sets = _sets_of_runs(store, project, [*new_labels, *_labels_in(store.draft(project, LABELS, ""))])
    fresh = _by_key(new_labels, sets)
    count = 0

    def add(body: Mapping[str, Any] | None) -> dict[str, Any]:
        nonlocal count
        # Fresh ones last: the later decision wins.
        all_labels = _by_key(_labels_in(body), sets) | fresh
        count = len(all_labels)
        return {key: _label_values(label) for key, label in all_labels.items()}

    store.change_draft(project, LABELS, "", add)
    # What is decided is no draft any more.
    save_drafts(store, project, dict.fromkeys(fresh))
    return count


def _label_values(label: Label) -> dict[str, Any]:
    return {
        "example_id": label.example_id,
        "evaluation_set": label.evaluation_set,
        "run_id": label.run_id,
        "decision": label.decision,
        "answer": label.answer.strip(),
    }


def forget_labels(store: Store, project: Project | str) -> None:
    """Take all decisions back. The answers that were typed for them stay, as begun."""
    # Not thrown away with the decisions: typing is the work.
    typed_drafts = {key: LabelDraft(label.answer) for key, label in labels(store, project).items() if label.answer}
    save_drafts(store, project, typed_drafts)
    store.delete_draft(project, LABELS, "")


def read_drafts(store: Store, project: Project | str) -> dict[str, LabelDraft]:
    """What was typed and is not decided yet, by `question_key`."""
    return _drafts_in(store.draft(project, LABELS, _DRAFT))


def _drafts_in(body: Mapping[str, Any] | None) -> dict[str, LabelDraft]:
    return {key: LabelDraft(v["answer"], v.get("decision")) for key, v in (body or {}).items()}


def save_drafts(store: Store, project: Project | str, drafts: Mapping[str, LabelDraft | None]) -> None:
    """Keep what was typed beside what is there; None forgets it."""

    def change(before: Mapping[str, LabelDraft]) -> dict[str, LabelDraft]:
        return {key: value for key, value in {**before, **drafts}.items() if value is not None}

    def add(body: Mapping[str, Any] | None) -> dict[str, Any]:
        after = change(_drafts_in(body))
        return {key: {"answer": value.answer, "decision": value.decision} for key, value in after.items()}

    before = read_drafts(store, project)
    # A page is run at every click; a draft that did not change is not written again.
    if change(before) != before:
        store.change_draft(project, LABELS, _DRAFT, add)


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
            # Runs are newest first, so the first record of a question stays.
            newest.setdefault(question_key(run.evaluation_set, record.example.id), (run, record))
    labels_by_key = labels(store, project)
    entries = [entry for key, entry in newest.items() if key not in labels_by_key]
    # Records of different sets may share their example's id, so they are told apart as objects.
    run_of = {id(record): run for run, record in entries}
    candidates = next_to_label([record for _, record in entries], count, metrics=metrics, title=metric_title)
    return [Waiting(run_of[id(candidate.record)], candidate) for candidate in candidates]


def examples_from_labels(store: Store, project: Project | str, *, pairs: bool = False) -> list[TrainingExample]:
    """Accepted answers as training examples.

    Args:
        store: Where decisions and records lie.
        project: Whose.
        pairs: Make preference pairs (the accepted answer is preferred to the model's) instead of conversations.
    """
    accepted_labels = [label for label in labels(store, project).values() if label.decision == "accepted"]
    runs = {run.id: run for run in store.runs(project)}
    examples: list[TrainingExample] = []
    for label in accepted_labels:
        # The run was deleted, and with it the prompt that the example would be trained on.
        if label.run_id not in runs:
            continue
        originals = [store.record(label.run_id, label.example_id)]
        # The tuned model is asked without few-shot examples, so it learns without them.
        records, texts = without_shots(originals, runs[label.run_id].configuration), {label.example_id: label.answer}
        make = preferences_from_corrections if pairs else examples_from_corrections
        examples += make(records, texts)
    return examples
