"""Which part of a set is asked: as a file or the user says, else the search part where the set is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmopt_core.errors import BadInput
from llmopt_core.experiments.file_validation import guess
from llmopt_core.experiments.yaml_lines import LocatedValue
from llmopt_core.runs.question_splits import (
    ALL,
    Split,
    SplitPlan,
    assign_parts,
    make_plan,
    read_part,
    select_part,
)
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet
from llmopt_core.types.parts import PARTS, SEARCH

_KEYS = ("file", "split")


@dataclass(frozen=True, slots=True)
class SetChoice:
    """What is asked of a set.

    Attributes:
        questions: The chosen part, under the name of the part; the set itself where it is not split.
        whole: The whole set.
        plan: How it is split; None where it is not.
        note: What the user should know of the choice; empty where nothing was chosen.
    """

    questions: EvaluationSet
    whole: EvaluationSet
    plan: SplitPlan | None = None
    note: str = ""


def choose_part(
    questions: EvaluationSet,
    part: str = "",
    file_parts: Mapping[str, str] | None = None,
    stored_plan: SplitPlan | None = None,
) -> SetChoice:
    """One part of a set; where none is named and the set is split, the one to search with.

    Args:
        questions: The whole set.
        part: A part, `all`, or empty.
        file_parts: Id -> part, as the question file says.
        stored_plan: How the project splits the set.

    Raises:
        BadInput: There is no such part, it is empty, or the set cannot be split.
    """
    part = read_part(part)
    plan, split = _find_split(questions, part, file_parts or {}, stored_plan)
    if plan is None or split is None:
        return SetChoice(questions, questions)
    if part == ALL:
        return SetChoice(questions, questions, plan)
    selection = select_part(questions, split, part or SEARCH)
    sizes = ", ".join(f"{size} {name}" for name, size in split.sizes.items())
    if not selection.examples:
        raise BadInput(
            f"{questions.name} has no questions in the part {part or SEARCH} ({sizes}); choose another part with "
            "--split, or `all`."
        )
    # Who named the part knows of it; the others are told what they would otherwise look for.
    advice = "" if part else "; choose another part with --split, such as confirm, never-seen or all"
    note = f"{selection.name}: {len(selection.examples)} of {len(questions.examples)} questions ({sizes}){advice}"
    return SetChoice(selection, questions, plan, ". ".join([note, *(line.rstrip(".") for line in split.notes)]))


def choose_stored_part(
    store: Store | None,
    project: str,
    questions: EvaluationSet,
    part: str = "",
    file_parts: Mapping[str, str] | None = None,
) -> SetChoice:
    """As `choose_part`, by how the project splits the set of that name, where there is a store to ask."""
    try:
        stored_plan = None if store is None else store.split_plan(project, questions.name)
    except BadInput:
        # A project that an experiment file names and that is not there yet.
        stored_plan = None
    return choose_part(questions, part, file_parts, stored_plan)


def _find_split(
    questions: EvaluationSet, part: str, file_parts: Mapping[str, str], stored_plan: SplitPlan | None
) -> tuple[SplitPlan | None, Split | None]:
    stored_split = assign_parts(questions, stored_plan) if stored_plan is not None else None
    if file_parts and (stored_split is None or not file_parts.items() <= stored_split.parts.items()):
        # What a file says of its questions goes over what the project has kept.
        return make_plan(questions, wanted=file_parts)
    if stored_split is not None:
        return stored_plan, stored_split
    # Nobody has split it: only who asks for a part wants it split.
    return make_plan(questions) if part in PARTS else (None, None)


def take_set_choice(located: LocatedValue) -> tuple[LocatedValue, str]:
    """An experiment file with `evaluation_set: {file: ..., split: ...}` as the file alone, and the part.

    Raises:
        BadInput: The mapping is not that; names file and line.
    """
    place, value = ("evaluation_set",), located.value.get("evaluation_set")
    if not isinstance(value, dict):
        return located, ""
    for key in value:
        if key not in _KEYS:
            raise located.error(
                (*place, key), f"evaluation_set has no key {key!r}{guess(str(key), _KEYS)}; it has file and split."
            )
    if not isinstance(value.get("file"), str):
        raise located.error(place, "evaluation_set.file is missing; it names the question file.")
    part = value.get("split", "")
    try:
        part = read_part(part if isinstance(part, str) else repr(part))
    except BadInput as error:
        raise located.error((*place, "split"), f"evaluation_set.split: {error}") from None
    return LocatedValue({**located.value, "evaluation_set": value["file"]}, located.lines, located.source), part
