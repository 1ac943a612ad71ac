"""What a group of failures becomes: a configuration, assertions of its set, a few-shot set, training examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import (
    EXAMPLE_COLUMN,
    THRESHOLD_COLUMN,
    assertions_of,
    threshold_of,
    without_assertions,
)
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.setting_choices import record_setting_choice
from llmopt_core.experiments.versions.prompts import FEW_SHOT, few_shot_from, newest_versions, save_few_shot
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, save_training_set, training_sets
from llmopt_core.finetuning.data.record_examples import examples_from_corrections
from llmopt_core.labs.evaluation.adviser.changes import proposal, save_proposal
from llmopt_core.labs.evaluation.adviser.step import Proposal
from llmopt_core.labs.evaluation.failure_kinds import FAILURE_TITLES, Diagnosis, FailureKind
from llmopt_core.runs.question_splits import part_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project, Run, SavedConfiguration
from llmopt_core.types import EvaluationSet, Example, Record

# The changes that are nearest to each kind, the likeliest first; what a configuration has already is passed over.
_RULES: Mapping[FailureKind, tuple[str, ...]] = {
    "not-retrieved": ("hybrid-search", "chunk-size", "larger-k"),
    "outranked": ("rerank", "larger-k"),
    "not-given": ("larger-k", "rerank", "hybrid-search"),
    "refused": ("prompt",),
    "off-question": ("prompt",),
    "wrong-format": ("prompt",),
    "unsupported": ("grounded-prompt", "fact-check"),
    "not-used": ("smaller-k", "prompt"),
}
# Of what is not looked up at all nothing can be found otherwise: the first step is to look it up.
_OF_SEARCH: tuple[FailureKind, ...] = ("not-retrieved", "outranked", "not-given")


def fitting_change(run: Run, diagnoses: Iterable[Diagnosis]) -> tuple[Proposal, str]:
    """The configuration that tries to mend records of a run, and why this one.

    Args:
        run: Whose records they are.
        diagnoses: Of the records of the group.

    Raises:
        BadInput: No kind of failure is known of them, or none that a setting could mend.
    """
    kinds = Counter(one.first for one in diagnoses if one.first is not None)
    for kind, count in kinds.most_common():
        change = _first_change(run, _RULES.get(kind, ()) if run.retrieves or kind not in _OF_SEARCH else ("rag",))
        if change is not None:
            return change, f"{count} of {kinds.total()} are of the kind {FAILURE_TITLES[kind].lower()}."
    raise BadInput(
        f"No setting of {run.name} is known to mend these records: {_kind_words(kinds)}. "
        "Make them a check, a few-shot set or a training set."
    )


def _first_change(run: Run, rules: Sequence[str]) -> Proposal | None:
    """The first change that the configuration does not have yet."""
    changes = (proposal(rule, run.name, run.configuration) for rule in rules)
    return next((one for one in changes if one is not None and not _is_same(one, run)), None)


def _is_same(change: Proposal, run: Run) -> bool:
    system = str((run.configuration.get("prompt") or {}).get("system") or "")
    new_system = str((change.spec.get("prompt") or {}).get("system") or "")
    # An instruction that stands there already would be given twice.
    if new_system != system and new_system.removeprefix(system).strip() in system:
        return True
    return configuration_from({**change.spec, "name": run.name}).fingerprint == run.fingerprint


def _kind_words(kinds: Mapping[FailureKind, int]) -> str:
    return ", ".join(f"{FAILURE_TITLES[kind].lower()} ({count})" for kind, count in kinds.items()) or "no kind is known"


def save_change(
    store: Store, run: Run, change: Proposal, group: str, examples: Sequence[Example]
) -> SavedConfiguration:
    """Save the configuration that tries to mend a group, and remember that the group's questions chose it."""
    saved = save_proposal(store, run.project, change)
    before, after = configuration_from({**run.configuration, "name": run.name}), configuration_from(saved.spec)
    # What only the prompt changes leaves the retrieval as it was, which nobody chose on these questions.
    if after.retrieval != before.retrieval:
        named = after.model_copy(update={"name": saved.name})
        record_setting_choice(store, run.project, named, "components", f"failure group {group}", examples)
    return saved


def add_check(
    store: Store, project: Project | str, set_name: str, assertion: AssertionSpec, example_ids: Iterable[str] | None
) -> int:
    """Add an assertion to examples of a set, as a new version of it; returns how many have it now and had it not.

    Args:
        store: Keeps the set.
        project: Whose.
        set_name: The set; a part of a split stands for its whole set.
        assertion: What every answer must pass.
        example_ids: Which examples; None for all.

    Raises:
        BadInput: The set or the examples are gone.
    """
    part = part_of(set_name)
    names = {item.name for item in store.evaluation_sets(project)}
    whole = set_name if set_name in names or part is None else part[0]
    questions = store.evaluation_set(project, whole)
    wanted = None if example_ids is None else set(example_ids)
    examples = [
        _with_assertion(example, assertion) if wanted is None or example.id in wanted else example
        for example in questions.examples
    ]
    count = sum(new is not old for new, old in zip(examples, questions.examples, strict=True))
    if count:
        store.save_evaluation_set(project, EvaluationSet(questions.name, tuple(examples)))
    elif wanted is not None and not wanted & {example.id for example in questions.examples}:
        raise BadInput(f"None of these questions is in {whole} any more.")
    return count


def _with_assertion(example: Example, assertion: AssertionSpec) -> Example:
    assertions = assertions_of(example)
    if assertion in assertions:
        return example
    threshold = threshold_of(example)
    values = [one.model_dump(mode="json", exclude_defaults=True) for one in (*assertions, assertion)]
    variables = {**without_assertions(example.variables), EXAMPLE_COLUMN: values}
    if threshold is not None:
        variables[THRESHOLD_COLUMN] = threshold
    return replace(example, variables=variables)


def few_shot_set(
    store: Store, project: Project | str, name: str, records: Sequence[Record], *, with_context: bool = False
) -> Version:
    """A few-shot set of questions with their reference answers; one of this name gets the new ones in addition.

    Raises:
        BadInput: No record has a reference answer, or the name is empty.
    """
    shots = [_shot(record, with_context) for record in _with_reference(records)]
    if not shots:
        raise BadInput("None of these questions has a reference answer, so there is nothing to show the model.")
    before = newest_versions(store, project, FEW_SHOT).get(name.strip())
    spec = few_shot_from(before.body if before else {})
    new = tuple(shot for shot in shots if shot not in spec.examples)
    spec = spec.model_copy(update={"examples": (*spec.examples, *new)})
    return save_few_shot(store, project, name, spec, f"From the failure group {name.strip()}")


def _shot(record: Record, with_context: bool) -> dict[str, str]:
    shot = {"question": record.example.question, "answer": record.example.reference or ""}
    if with_context and record.answer and record.answer.hits:
        shot["context"] = "\n\n".join(hit.chunk.text for hit in record.answer.hits)
    return shot


def training_set(store: Store, project: Project | str, name: str, records: Sequence[Record]) -> TrainingSetVersion:
    """A training set of the prompts as they were sent with the reference answers; one of this name is added to.

    Args:
        store: Keeps it.
        project: Whose.
        name: Of the set.
        records: Those of the group, with their prompts as a tuned model will be asked.

    Raises:
        BadInput: No record has a reference answer, or the name is empty.
    """
    corrections = {record.example.id: record.example.reference or "" for record in _with_reference(records)}
    examples = examples_from_corrections(records, corrections)
    if not examples:
        raise BadInput("None of these questions has a reference answer, so there is nothing to learn from them.")
    before = next((one for one in training_sets(store, project) if one.name == name.strip()), None)
    all_examples = {one.key: one for one in (*(before.train.examples if before else ()), *examples)}
    validation = before.validation.examples if before and before.validation else ()
    note = f"From the failure group {name.strip()}"
    return save_training_set(store, project, name.strip(), list(all_examples.values()), validation, note=note)


def _with_reference(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if (record.example.reference or "").strip()]


def records_of(store: Store, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Record]:
    """The records of runs by run and example; those that are gone are left out."""
    result: dict[tuple[int, str], Record] = {}
    for run_id, example_id in keys:
        try:
            result[run_id, example_id] = store.record(run_id, example_id)
        # The run was deleted since the note was written; the note still counts.
        except BadInput:
            continue
    return result
