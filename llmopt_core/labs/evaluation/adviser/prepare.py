"""What the button of a step makes ready where no setting alone tries it: examples, answers to learn, a model."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, save_training_set
from llmopt_core.finetuning.data.record_examples import examples_from_records
from llmopt_core.labs.evaluation.adviser.step import Proposal
from llmopt_core.labs.evaluation.failure_kinds import diagnose
from llmopt_core.labs.evaluation.record_facts import facts_of
from llmopt_core.reporting.formatting import plural
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.split_groups import text_key
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Example, Record
from llmopt_core.types.parts import CONFIRM, NEVER_SEEN, SEARCH

# As many as show a form; each is sent with every question.
SHOTS = 3
# Fewer teach a manner badly; see the rule.
ENOUGH_ANSWERS = 50


@dataclass(frozen=True, slots=True)
class PreparedShots:
    """A configuration with examples in its prompt, and in a sentence where they come from."""

    proposal: Proposal
    sentence: str


def prepare_few_shot(store: Store, run: Run) -> PreparedShots:
    """The configuration of a run with a few examples: of other questions where there are any, else its good answers.

    Raises:
        BadInput: There is nothing to show: no other question has a reference answer, and no answer was good.
    """
    outside = _spread([one for one in _other_examples(store, run) if (one.reference or "").strip()])
    if outside:
        shots = [{"question": one.question, "answer": str(one.reference).strip()} for one in outside]
        sentence = (
            f"{plural(len(shots), 'example')} of other questions with their reference answers: none is measured on."
        )
        return PreparedShots(_with_shots(run, shots), sentence)
    records = _spread_records(good_records(store, run))
    if not records:
        raise BadInput(
            f"There is nothing to show the model: no question outside {run.evaluation_set} has a reference answer, and "
            f"no answer of {run.name} was good. Add questions with reference answers to another set."
        )
    shots = [_shot(record) for record in records]
    sentence = (
        f"{plural(len(shots), 'good answer')} of {run.name}, from the questions that it is measured on: scores on "
        f"{'it' if len(shots) == 1 else 'these'} are marked from now on. Questions of another set would be better."
    )
    return PreparedShots(_with_shots(run, shots), sentence)


def good_records(store: Store, run: Run) -> list[Record]:
    """The records of a run that are known to be right, none of them held back for confirming or for the end."""
    part = part_of(run.evaluation_set)
    if part is not None and part[1] in (CONFIRM, NEVER_SEEN):
        return []
    held_back = _held_back(store, run.project)
    return [
        record
        for record in store.records(run.id, trace=run.retrieves)
        if record.answer is not None
        and diagnose(facts_of(record, retrieves=run.retrieves)).passed
        and text_key(record.example) not in held_back
    ]


def save_good_answers(store: Store, run: Run, records: Sequence[Record]) -> tuple[TrainingSetVersion, str]:
    """A training set of good answers, and in a sentence what to know of it.

    Args:
        store: Keeps it.
        run: Whose answers they are.
        records: See `good_records`, with their prompts as a tuned model will be asked.

    Raises:
        BadInput: There is none.
    """
    liked = {record.example.id: True for record in records}
    examples = examples_from_records(records, votes=liked, source=f"run of {run.name}")
    if not examples:
        raise BadInput(
            f"No answer of {run.name} is known to be right on questions that may be learned from. Bring answers as a "
            "file, or let a larger model write them: Fine-tuning, Training data."
        )
    version = save_training_set(
        store, run.project, f"{run.name[:60]} good answers", examples, note="Prepared from the adviser's step"
    )
    few = f" {ENOUGH_ANSWERS} to 100 are advised: add others." if len(examples) < ENOUGH_ANSWERS else ""
    return version, (
        f"{version.label}: {plural(len(examples), 'good answer')} of {run.name}.{few} They are questions of "
        f"{run.evaluation_set}: once trained on, scores on them are marked, so measure on others."
    )


def other_model(run_name: str, spec: Mapping[str, Any], endpoint: str, model: str) -> Proposal:
    """The same configuration, answered by another model."""
    values = copy.deepcopy({key: value for key, value in spec.items() if key != "name"})
    # How a model is asked, and what was trained onto it, belongs to the one that is replaced.
    values["model"] = {**(values.get("model") or {}), "endpoint": endpoint, "name": model, "mode": "", "adapter": ""}
    return Proposal(run_name, f"{run_name} · {model or endpoint}"[:200], values)


def _other_examples(store: Store, run: Run) -> list[Example]:
    """Questions that are neither measured on here nor held back."""
    project, part = run.project, part_of(run.evaluation_set)
    whole = part[0] if part else run.evaluation_set
    asked = {text_key(one) for one in store.evaluation_set(project, run.evaluation_set, run.set_version).examples}
    taken = asked | _held_back(store, project)
    names = [saved.name for saved in store.evaluation_sets(project) if saved.name != whole]
    # What is there to search with lies outside of what is there to confirm with.
    if part is not None and part[1] != SEARCH:
        names.append(part_name(whole, SEARCH))
    found: dict[str, Example] = {}
    for name in names:
        for one in store.evaluation_set(project, name).examples:
            if text_key(one) not in taken:
                found.setdefault(text_key(one), one)
    return list(found.values())


def _held_back(store: Store, project: Project | str) -> set[str]:
    parts = [saved.name for saved in store.evaluation_sets(project, parts=True)]
    held = [name for name in parts if (part := part_of(name)) is not None and part[1] in (CONFIRM, NEVER_SEEN)]
    return {text_key(one) for name in held for one in store.evaluation_set(project, name).examples}


def _spread(examples: Iterable[Example]) -> list[Example]:
    """A few of them, of as many categories as there are."""
    by_category: dict[str, list[Example]] = {}
    for one in examples:
        by_category.setdefault(one.category or "", []).append(one)
    rounds = max((len(group) for group in by_category.values()), default=0)
    return [group[place] for place in range(rounds) for group in by_category.values() if place < len(group)][:SHOTS]


def _spread_records(records: Sequence[Record]) -> list[Record]:
    by_id = {record.example.id: record for record in records}
    return [by_id[one.id] for one in _spread(record.example for record in records)]


def _shot(record: Record) -> dict[str, str]:
    answer = record.answer.text.strip() if record.answer else ""
    shot = {"question": record.example.question, "answer": answer}
    if record.answer and record.answer.hits:
        shot["context"] = "\n\n".join(hit.chunk.text.strip() for hit in record.answer.hits)
    return shot


def _with_shots(run: Run, shots: Sequence[dict[str, str]]) -> Proposal:
    values = copy.deepcopy({key: value for key, value in run.configuration.items() if key != "name"})
    prompt = {**(values.get("prompt") or {})}
    # An example without a passage is written as its question alone: the prompt's own template asks for one.
    template = "" if all("context" in shot for shot in shots) else "{{ question }}"
    prompt["few_shot"] = {"examples": list(shots), "select": "all", "template": template}
    values["prompt"] = prompt
    return Proposal(run.name, f"{run.name} · few-shot"[:200], values)
