"""Which imported runs were asked the same questions, and which set of the project these are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from llmopt_core.interop.results.imported_run import Case, ImportedRun, plain
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, Example

# Runs with half of their questions in common are of one set: tools leave out what failed, and users try parts first.
_MOSTLY = 0.5
_LONGEST_NAME = 80


@dataclass
class QuestionGroup:
    """Runs over the same questions.

    Attributes:
        places: Run's place among those imported -> the place of each of its cases among the examples.
    """

    examples: list[Example] = field(default_factory=list)
    places: dict[int, list[int]] = field(default_factory=dict)


def group_by_questions(runs: Sequence[ImportedRun]) -> list[QuestionGroup]:
    """Runs over the same questions together, the largest first within a group; in the order of the first of each."""
    groups: list[QuestionGroup] = []
    # The largest first, so that a part of a set finds all of it there.
    for number in sorted(range(len(runs)), key=lambda number: -len(runs[number].cases)):
        _add(groups, number, runs)
    return sorted(groups, key=lambda group: min(group.places))


def _add(groups: list[QuestionGroup], number: int, runs: Sequence[ImportedRun]) -> None:
    cases, files = runs[number].cases, runs[number].variant.files
    for group in groups:
        places = match_cases(cases, group.examples)
        match_count = sum(place is not None for place in places)
        # Variants of one file are of one set, as two models that take turns in traffic.
        has_same_files = any(runs[other].variant.files == files for other in group.places)
        if has_same_files or (match_count and match_count >= _MOSTLY * min(len(cases), len(group.examples))):
            break
    else:
        group, places = QuestionGroup(), [None] * len(cases)
        groups.append(group)
    ids = {example.id for example in group.examples}
    whole_places = []
    for case, place in zip(cases, places, strict=True):
        if place is None:
            group.examples.append(_example(case, ids))
        whole_places.append(len(group.examples) - 1 if place is None else place)
    group.places[number] = whole_places


def _example(case: Case, used: set[str]) -> Example:
    name, number = case.id, 2
    while name in used:
        name, number = f"{case.id} ({number})", number + 1
    used.add(name)
    more = list(dict.fromkeys(case.right_answers))
    variables = {"right_answers": more} if len(more) > 1 else {}
    return Example(name, case.question, case.reference, category=case.category, variables=variables)


def match_cases(cases: Sequence[Case], examples: Sequence[Example]) -> list[int | None]:
    """For each case the place of the example that is the same question: of the same text, and no other right answer.

    Where a text stands there several times, that of the same id; each example is taken once.
    """
    by_text: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        by_text[plain(example.question)].append(place)
    taken_places: set[int] = set()
    places: list[int | None] = []
    for case in cases:
        candidates = [
            place
            for place in by_text.get(plain(case.question), ())
            if place not in taken_places and _has_same_answer(case, examples[place])
        ]
        # False sorts before true: that of the same id is the first.
        matches = sorted(candidates, key=lambda place: examples[place].id != case.id)[:1]
        taken_places.update(matches)
        places.append(matches[0] if matches else None)
    return places


def _has_same_answer(case: Case, example: Example) -> bool:
    # What a file does not say contradicts nothing.
    answers = {plain(answer).casefold() for answer in example.right_answers} - {""}
    return not plain(case.reference) or not answers or plain(case.reference).casefold() in answers


def choose_set(store: Store, project: Project, group: QuestionGroup, name: str) -> tuple[EvaluationSet, list[int]]:
    """The project's set that holds all these questions, else a new one; with the place of each example in it.

    A set of the same name with other questions stays as it is: the new one gets a number.
    """
    cases = [Case(e.question, e.id, e.reference, (), e.category, ()) for e in group.examples]
    best: tuple[EvaluationSet, list[int]] | None = None
    for version in store.evaluation_sets(project, every_version=True):
        if version.size < len(cases) or (best and version.size >= len(best[0].examples)):
            continue
        candidate = store.evaluation_set(project, version.name, version.version)
        places = [place for place in match_cases(cases, candidate.examples) if place is not None]
        if len(places) == len(cases):
            best = candidate, places
    if best is not None:
        return best
    names = {version.name for version in store.evaluation_sets(project)}
    new = EvaluationSet(_free_name(name, names), tuple(group.examples))
    store.save_evaluation_set(project, new)
    return new, list(range(len(cases)))


def _free_name(wanted: str, names: set[str]) -> str:
    short = " ".join(wanted.split())[:_LONGEST_NAME] or "imported questions"
    name, number = short, 2
    while name in names:
        name, number = f"{short} ({number})", number + 1
    return name
