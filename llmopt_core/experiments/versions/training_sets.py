"""Training sets of a project: a draft that is being collected, and versions that are trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, from_openai
from llmopt_core.finetuning.data.rules import check_example
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project

TRAINING_SET = "training-set"
# Pages ask for all versions at every rerun; more than these are hardly open at once.
_MOST_SETS = 64
_SETS: dict[tuple[str, str, int, datetime], TrainingSetVersion] = {}


@dataclass(frozen=True)
class TrainingSetVersion:
    """One version of a training set, with its validation part where there is one."""

    name: str
    number: int
    train: TrainingSet
    validation: TrainingSet | None
    note: str
    saved_at: datetime

    @property
    def label(self) -> str:
        """`support v3`."""
        return f"{self.name} v{self.number}"

    @cached_property
    def version(self) -> str:
        """Content hash of the training part, as the card of a tuned model names it."""
        return self.train.version


def example_values(example: TrainingExample) -> dict[str, Any]:
    """An example as plain values, with what a training file does not hold: label, group, source, score."""
    metadata = {"label": example.label, "group": example.group, "source": example.source, "score": example.score}
    return example.to_openai() | {key: value for key, value in metadata.items() if value not in ("", None)}


def example_from(values: Mapping[str, Any]) -> TrainingExample:
    """The example behind plain values."""
    return replace(from_openai(values, str(values.get("source", ""))), score=values.get("score"))


def save_training_set(
    store: Store,
    project: Project | str,
    name: str,
    train: Sequence[TrainingExample],
    validation: Sequence[TrainingExample] = (),
    *,
    note: str = "",
) -> TrainingSetVersion:
    """Add a version; the same content as the newest one adds nothing.

    Raises:
        BadInput: There is no name or no example, an example breaks the format, or the kinds are mixed.
    """
    _check(name, [*train, *validation], bool(train))
    body = {
        "train": [example_values(example) for example in train],
        "validation": [example_values(example) for example in validation],
    }
    return _read_version(store.save_version(project, TRAINING_SET, name, body, note))


def _check(name: str, examples: Sequence[TrainingExample], any_train: bool) -> None:
    if not any_train:
        raise BadInput(f"The training set {name} has no examples to train on; add some first.")
    if len({example.is_preference for example in examples}) > 1:
        raise BadInput("Conversations and preference pairs cannot stand in one training set; put each into its own.")
    for number, example in enumerate(examples, 1):
        if errors := [problem for problem in check_example(example.to_openai()) if problem.is_error]:
            raise BadInput(f"Example {number} of {name}: {errors[0].message}.")


def training_sets(store: Store, project: Project | str) -> list[TrainingSetVersion]:
    """All versions of all training sets, newest first."""
    # The store gives the oldest first.
    return [_read_version(version) for version in reversed(store.versions(project, TRAINING_SET))]


def _read_version(version: Version) -> TrainingSetVersion:
    """The version decoded; kept, because pages ask for all of them at every rerun."""
    # With the moment: numbers are given again where a set of the same name was deleted, and by other workspaces.
    key = (version.fingerprint, version.name, version.number, version.saved_at)
    set_version = _SETS.get(key)
    if set_version is None:
        set_version = _decode(version)
        while len(_SETS) >= _MOST_SETS:
            # The oldest; another thread may have taken it out already.
            _SETS.pop(next(iter(_SETS)), None)
        _SETS[key] = set_version
    return set_version


def _decode(version: Version) -> TrainingSetVersion:
    train, validation = (tuple(map(example_from, version.body.get(part, ()))) for part in ("train", "validation"))
    return TrainingSetVersion(
        version.name,
        version.number,
        TrainingSet(version.name, train),
        TrainingSet(f"{version.name}-validation", validation) if validation else None,
        version.note,
        version.saved_at,
    )


def read_collection(store: Store, project: Project | str) -> list[TrainingExample]:
    """What was collected and not saved as a version yet."""
    return _examples_in(store.draft(project, TRAINING_SET, ""))


def _examples_in(body: Mapping[str, Any] | None) -> list[TrainingExample]:
    return [example_from(values) for values in (body or {}).get("examples", ())]


def _body_of(examples: Iterable[TrainingExample]) -> dict[str, Any]:
    return {"examples": [example_values(example) for example in examples]}


def collect(store: Store, project: Project | str, examples: Sequence[TrainingExample]) -> int:
    """Add to what is being collected; exact repetitions are left out. Returns how many were new.

    Raises:
        BadInput: Conversations and preference pairs would be mixed.
    """
    added_count = 0

    def add(body: Mapping[str, Any] | None) -> dict[str, Any]:
        nonlocal added_count
        before = _examples_in(body)
        known_keys = {example.key for example in before}
        fresh: dict[str, TrainingExample] = {}
        for example in examples:
            if example.key not in known_keys:
                fresh.setdefault(example.key, example)
        all_examples = [*before, *fresh.values()]
        if len({example.is_preference for example in all_examples}) > 1:
            raise BadInput(
                "What is collected holds conversations, what is added preference pairs (or the other way round); save "
                "or clear the collection first."
            )
        added_count = len(fresh)
        return _body_of(all_examples)

    # Not read and then written: another tab may collect at the same moment.
    store.change_draft(project, TRAINING_SET, "", add)
    return added_count


def remove_from_collection(store: Store, project: Project | str, keys: Collection[str]) -> None:
    """Take examples of these keys out of what is being collected."""
    store.change_draft(
        project,
        TRAINING_SET,
        "",
        lambda body: _body_of(example for example in _examples_in(body) if example.key not in keys),
    )


def clear_collection(store: Store, project: Project | str) -> None:
    """Forget what was collected."""
    store.delete_draft(project, TRAINING_SET, "")
