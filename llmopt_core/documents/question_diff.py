"""What was added, removed and changed between two versions of an evaluation set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmopt_core.documents.question_columns import RIGHT_ANSWERS
from llmopt_core.text.words import fold
from llmopt_core.types import EvaluationSet, Example

QUESTION, REFERENCE, SOURCES, CATEGORY, ID = "question", "reference answer", "sources", "category", "id"


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a question that is another now; empty where there is nothing.

    Attributes:
        field: `question`, `reference answer`, `sources`, `category`, `id`, or the name of a variable.
    """

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question that is in both versions and not the same."""

    before: Example
    after: Example
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SetDiff:
    """The difference of two versions, each part in the order of its set.

    Attributes:
        unchanged: Questions that are the same.
        reordered: Whether those that are in both stand in another order.
    """

    added: tuple[Example, ...] = ()
    removed: tuple[Example, ...] = ()
    changed: tuple[ChangedQuestion, ...] = ()
    unchanged: int = 0
    reordered: bool = False

    @property
    def summary(self) -> str:
        """`2 added, 1 removed, 3 changed (2 reference answer, 1 category), 14 as before`."""
        counts = Counter(change.field for one in self.changed for change in one.changes)
        fields = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        parts = [
            f"{len(self.added)} added" if self.added else "",
            f"{len(self.removed)} removed" if self.removed else "",
            f"{len(self.changed)} changed ({fields})" if self.changed else "",
            "in another order" if self.reordered else "",
        ]
        differences = [part for part in parts if part]
        return ", ".join([*(differences or ["no difference"]), f"{self.unchanged} as before"])


def compare_sets(before: EvaluationSet, after: EvaluationSet) -> SetDiff:
    """What became of each question.

    The same question is one of the same words, whatever its id: ids of files without any count lines, and one line less
    would change all of them. What is left over belongs together by its id.
    """
    pairs = _match(before.examples, after.examples)
    old_places, new_places = {old for old, _ in pairs}, {new for _, new in pairs}
    changed_questions, same_count = [], 0
    for old, new in sorted(pairs, key=lambda pair: pair[1]):
        one, other = before.examples[old], after.examples[new]
        changes = tuple(_changes(one, other))
        if changes:
            changed_questions.append(ChangedQuestion(one, other, changes))
        else:
            same_count += 1
    order = [new for _, new in sorted(pairs)]
    return SetDiff(
        tuple(example for place, example in enumerate(after.examples) if place not in new_places),
        tuple(example for place, example in enumerate(before.examples) if place not in old_places),
        tuple(changed_questions),
        same_count,
        order != sorted(order),
    )


def _match(before: Sequence[Example], after: Sequence[Example]) -> list[tuple[int, int]]:
    """Places of the same question in both."""
    pairs: list[tuple[int, int]] = []
    open_before, open_after = dict.fromkeys(range(len(before))), dict.fromkeys(range(len(after)))
    # From the surest to the least sure sign.
    for key in (lambda e: (e.id, e.question), lambda e: e.question, lambda e: fold(e.question), lambda e: e.id):
        places: dict[object, list[int]] = {}
        for place in open_after:
            places.setdefault(key(after[place]), []).append(place)
        for old in list(open_before):
            candidates = places.get(key(before[old]))
            if candidates:
                new = candidates.pop(0)
                pairs.append((old, new))
                del open_before[old], open_after[new]
    return pairs


def _changes(before: Example, after: Example) -> Iterable[Change]:
    own = [
        (ID, before.id, after.id),
        (QUESTION, before.question, after.question),
        (REFERENCE, before.answers_text, after.answers_text),
        (SOURCES, describe_sources(before), describe_sources(after)),
        (CATEGORY, before.category or "", after.category or ""),
    ]
    names = dict.fromkeys([*before.variables, *after.variables])
    others = [
        (name, _text(before.variables.get(name)), _text(after.variables.get(name)))
        for name in names
        if name != RIGHT_ANSWERS
    ]
    return [Change(field, old, new) for field, old, new in [*own, *others] if old != new]


def describe_sources(example: Example) -> str:
    """`guide.md 120-180; prices.md 0-44`."""
    return "; ".join(f"{span.document} {span.start}-{span.end}" for span in example.references)


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)
